#include "tasks/gotmpl/certificate.h"
#include "tasks/gotmpl/format.h"
#include "tasks/gotmpl/sprig.h"
#include "util/result_macros.h"

namespace strake::tasks::gotmpl {
namespace {

Result<std::vector<std::string>> Texts(const ListPtr& list,
                                       std::string_view what) {
  std::vector<std::string> texts;
  for (const Value& item : list->items()) {
    if (item.kind() != Kind::kString) {
      ASSIGN_OR_RETURN(std::string shown, PrintValue(item));
      return InvalidArgument("error " + std::string(what) + ": " + shown +
                             " is not a string");
    }
    texts.push_back(item.String());
  }
  return texts;
}

Result<CertificateRequest> Request(const std::string& common_name,
                                   const ListPtr& addresses,
                                   const ListPtr& names, int64_t days) {
  CertificateRequest request;
  request.common_name = common_name;
  request.days = days;
  ASSIGN_OR_RETURN(request.addresses, Texts(addresses, "parsing ip"));
  ASSIGN_OR_RETURN(request.names,
                   Texts(names, "processing alternate dns name"));
  return request;
}

Result<Value> Generate(Context& context, const CertificateRequest& request,
                       const Certificate* signer) {
  RETURN_IF_ERROR(context.Charge(kSlowFunction));
  ASSIGN_OR_RETURN(CertificatePtr made, GenerateCertificate(request, signer));
  return Value(ObjectPtr(made));
}

Result<Value> NewAuthority(Context& context, const std::string& common_name,
                           int64_t days) {
  CertificateRequest request;
  request.common_name = common_name;
  request.days = days;
  request.authority = true;
  return Generate(context, request, nullptr);
}

Result<Value> NewSelfSigned(Context& context, const std::string& common_name,
                            ListPtr addresses, ListPtr names, int64_t days) {
  ASSIGN_OR_RETURN(CertificateRequest request,
                   Request(common_name, addresses, names, days));
  return Generate(context, request, nullptr);
}

Result<Value> NewSigned(Context& context, const std::string& common_name,
                        ListPtr addresses, ListPtr names, int64_t days,
                        Value authority) {
  ASSIGN_OR_RETURN(CertificateRequest request,
                   Request(common_name, addresses, names, days));
  const Certificate* signer =
      authority.kind() == Kind::kObject
          ? dynamic_cast<const Certificate*>(&authority.object())
          : nullptr;
  if (signer == nullptr) {
    return InvalidArgument(
        "wrong type for value; expected sprig.certificate; got " +
        TypeName(authority));
  }
  return Generate(context, request, signer);
}

}  // namespace

void AddSprigCertificates(Functions& functions) {
  AddFunction(functions, "genPrivateKey",
              [](Context& context, std::string type) -> Result<std::string> {
                RETURN_IF_ERROR(context.Charge(kSlowFunction));
                return GeneratePrivateKey(type);
              });
  AddFunction(functions, "genCA", NewAuthority);
  AddFunction(functions, "genSelfSignedCert", NewSelfSigned);
  AddFunction(functions, "genSignedCert", NewSigned);
  AddFunction(functions, "buildCustomCert",
              [](std::string certificate, std::string key) -> Result<Value> {
                ASSIGN_OR_RETURN(CertificatePtr built,
                                 BuildCertificate(certificate, key));
                return Value(ObjectPtr(built));
              });
}

}  // namespace strake::tasks::gotmpl
