#include "builder/cache_spec.h"

#include <map>
#include <utility>
#include <vector>

#include "oci/reference.h"
#include "util/byte_count.h"
#include "util/csv.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/suggest.h"

namespace strake::builder {
namespace {

using Fields = std::map<std::string, std::string, std::less<>>;

// What buildx knows and strake does not do.
constexpr std::string_view kOtherTypes[] = {"gha", "s3", "azblob"};
constexpr std::string_view kOtherKeys[] = {
    "compression",
    "compression-level",
    "force-compression",
    "registry.insecure",
    "digest",
};

Result<Fields> ReadFields(std::string_view text) {
  ASSIGN_OR_RETURN(std::vector<std::string> parts, SplitCsv(text));
  Fields fields;
  for (const std::string& part : parts) {
    auto pair = SplitOnce(part, '=');
    if (!pair) {
      return InvalidArgument("\"" + part + "\" is not of the form key=value");
    }
    fields[std::string(pair->first)] = pair->second;
  }
  return fields;
}

// Removes `key` and returns its value, "" where it is absent.
std::string Take(Fields& fields, std::string_view key) {
  auto it = fields.find(key);
  if (it == fields.end()) return "";
  std::string value = std::move(it->second);
  fields.erase(it);
  return value;
}

Result<std::string> TakeNeeded(Fields& fields, std::string_view key,
                               std::string_view type) {
  std::string value = Take(fields, key);
  if (value.empty()) {
    return InvalidArgument("type=" + std::string(type) + " needs " +
                           std::string(key) + "=");
  }
  return value;
}

Result<bool> TakeBool(Fields& fields, std::string_view key, bool fallback) {
  std::string value = Take(fields, key);
  if (value.empty()) return fallback;
  if (value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  return InvalidArgument(std::string(key) + "=" + value +
                         ": expected true or false");
}

Result<std::string> TakeReference(Fields& fields) {
  ASSIGN_OR_RETURN(std::string text, TakeNeeded(fields, "ref", "registry"));
  ASSIGN_OR_RETURN(oci::Reference reference, oci::ParseReference(text));
  return oci::WithDefaultTag(std::move(reference)).ToString();
}

Status CheckAllTaken(const Fields& fields,
                     const std::vector<std::string>& known) {
  for (const auto& [key, value] : fields) {
    for (std::string_view other : kOtherKeys) {
      if (key == other) {
        return Unsupported("\"" + key + "\" is not supported; leave it out");
      }
    }
    return InvalidArgument("unknown key \"" + key + "\"" +
                           DidYouMean(key, known));
  }
  return {};
}

Error UnknownType(const std::string& type, std::vector<std::string> types) {
  for (std::string_view other : kOtherTypes) {
    if (type == other) {
      return Unsupported("type=" + type +
                         " is not supported; use a registry that the job can "
                         "reach (type=registry), or a folder that the CI "
                         "keeps (type=local)");
    }
  }
  return InvalidArgument("unknown type \"" + type + "\"" +
                         DidYouMean(type, types) + "; there are " +
                         Join(types, ", "));
}

// Reads into `spec` the place that an export and an import can both have.
// False: `type` is none of these.
//   folder  the key that names the folder
template <typename Spec>
Result<bool> ReadPlace(const std::string& type, std::string_view folder,
                       Fields& fields, Spec& spec) {
  if (type.empty()) return InvalidArgument("type= is missing");
  if (type == "registry") {
    spec.kind = Spec::Kind::kRegistry;
    ASSIGN_OR_RETURN(spec.reference, TakeReference(fields));
    return true;
  }
  if (type != "local") return false;
  spec.kind = Spec::Kind::kLocal;
  ASSIGN_OR_RETURN(spec.path, TakeNeeded(fields, folder, type));
  if (std::string tag = Take(fields, "tag"); !tag.empty()) spec.tag = tag;
  return true;
}

Result<CacheExport> ReadExport(Fields fields) {
  CacheExport spec;
  const std::string type = Take(fields, "type");
  ASSIGN_OR_RETURN(bool outside, ReadPlace(type, "dest", fields, spec));
  if (!outside && type != "inline") {
    return UnknownType(type, {"registry", "local", "inline"});
  }
  if (!outside) spec.kind = CacheExport::Kind::kInline;
  const std::string mode = Take(fields, "mode");
  if (!mode.empty() && mode != "min" && mode != "max") {
    return InvalidArgument("mode=" + mode + ": expected min or max");
  }
  spec.every_step = mode == "max";
  if (spec.every_step && spec.kind == CacheExport::Kind::kInline) {
    return InvalidArgument(
        "an inline cache holds the image's own layers (mode=min); use "
        "type=registry for mode=max");
  }
  ASSIGN_OR_RETURN(spec.mounts, TakeBool(fields, "mounts", false));
  if (spec.mounts && spec.kind == CacheExport::Kind::kInline) {
    return InvalidArgument(
        "an image does not hold cache mounts; use type=registry or type=local "
        "for mounts=true");
  }
  if (std::string most = Take(fields, "mounts-max-size"); !most.empty()) {
    auto bytes = ParseByteCount(most);
    if (!bytes) {
      return InvalidArgument("mounts-max-size=" + most +
                             ": expected a size such as 500MB or 2GiB");
    }
    spec.mounts_most_bytes = *bytes;
  }
  ASSIGN_OR_RETURN(spec.ignore_error, TakeBool(fields, "ignore-error", false));
  // Both are what strake writes.
  for (std::string_view key : {"oci-mediatypes", "image-manifest"}) {
    ASSIGN_OR_RETURN(bool value, TakeBool(fields, key, true));
    if (!value) {
      return Unsupported(std::string(key) +
                         "=false: strake writes OCI image manifests only");
    }
  }
  RETURN_IF_ERROR(
      CheckAllTaken(fields, {"type", "ref", "dest", "tag", "mode", "mounts",
                             "mounts-max-size", "ignore-error"}));
  return spec;
}

Result<CacheImport> ReadImport(Fields fields) {
  CacheImport spec;
  const std::string type = Take(fields, "type");
  ASSIGN_OR_RETURN(bool outside, ReadPlace(type, "src", fields, spec));
  if (type == "inline") {
    return InvalidArgument(
        "an inline cache is read with type=registry,ref=IMAGE");
  }
  if (!outside) return UnknownType(type, {"registry", "local"});
  RETURN_IF_ERROR(CheckAllTaken(fields, {"type", "ref", "src", "tag"}));
  return spec;
}

// buildx's short form is a bare reference.
Result<Fields> FieldsOf(std::string_view text) {
  if (text.empty()) return InvalidArgument("is empty");
  if (text.find('=') == std::string_view::npos) {
    return Fields{{"type", "registry"}, {"ref", std::string(text)}};
  }
  return ReadFields(text);
}

template <typename Spec>
Result<Spec> Parse(std::string_view option, std::string_view text,
                   Result<Spec> (*read)(Fields)) {
  auto spec = [&]() -> Result<Spec> {
    ASSIGN_OR_RETURN(Fields fields, FieldsOf(text));
    return read(std::move(fields));
  }();
  if (spec) return spec;
  return std::move(spec).error().Wrap(std::string(option) + " \"" +
                                      std::string(text) + "\"");
}

}  // namespace

Result<CacheExport> ParseCacheExport(std::string_view text) {
  return Parse("--cache-to", text, ReadExport);
}

Result<CacheImport> ParseCacheImport(std::string_view text) {
  return Parse("--cache-from", text, ReadImport);
}

}  // namespace strake::builder
