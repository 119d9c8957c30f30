#include "builder/output.h"

#include <optional>
#include <utility>

#include "util/csv.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/suggest.h"

namespace strake::builder {
namespace {

struct KindName {
  std::string_view name;
  Output::Kind kind;
};
constexpr KindName kKinds[] = {
    {"image", Output::Kind::kStore},       {"store", Output::Kind::kStore},
    {"oci", Output::Kind::kOci},           {"docker", Output::Kind::kDocker},
    {"registry", Output::Kind::kRegistry}, {"local", Output::Kind::kLocal},
    {"tar", Output::Kind::kTar},
};

Result<Output::Kind> ParseKind(std::string_view name) {
  std::vector<std::string> names;
  for (const KindName& kind : kKinds) {
    if (kind.name == name) return kind.kind;
    names.emplace_back(kind.name);
  }
  return InvalidArgument("unknown type \"" + std::string(name) + "\"" +
                         DidYouMean(name, names) + "; there are " +
                         Join(names, ", "));
}

Result<bool> ParseBool(std::string_view key, std::string_view value) {
  if (value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  return InvalidArgument(std::string(key) + "=" + std::string(value) +
                         ": expected true or false");
}

// What buildx knows and means nothing here: an error, not a silence.
constexpr std::string_view kOnlyBuildKit[] = {
    "attestation-inline",
    "attestation-prefix",
    "buildinfo",
    "mode",
    "prefer-nondist-layers",
    "oci-artifact",
    "unpack",
    "compatibility-version",
};

// What the fields say, until all are read.
struct Fields {
  Output output;
  bool has_type = false;
  bool push = false;
  std::optional<bool> store;
  std::string compression;
  std::optional<int> level;
};

template <auto member>
Status SetBool(std::string_view key, std::string_view value, Fields& fields) {
  ASSIGN_OR_RETURN(fields.output.*member, ParseBool(key, value));
  return {};
}

template <auto member>
Status SetText(std::string_view, std::string_view value, Fields& fields) {
  fields.output.*member = value;
  return {};
}

Status SetLevel(std::string_view, std::string_view value, Fields& fields) {
  auto level = ParseInt(value);
  if (!level || *level < 0 || *level > 22) {
    return InvalidArgument("compression-level=" + std::string(value) +
                           ": expected a number from 1 to 9 (gzip, estargz) or "
                           "1 to 22 (zstd)");
  }
  fields.level = static_cast<int>(*level);
  return {};
}

struct Key {
  std::string_view name;
  Status (*apply)(std::string_view key, std::string_view value, Fields& fields);
};

constexpr Key kKeys[] = {
    {"type",
     [](std::string_view, std::string_view value, Fields& fields) -> Status {
       ASSIGN_OR_RETURN(fields.output.kind, ParseKind(value));
       fields.has_type = true;
       return {};
     }},
    {"dest", SetText<&Output::dest>},
    {"name",
     [](std::string_view, std::string_view value, Fields& fields) -> Status {
       for (std::string_view name : Split(value, ',')) {
         fields.output.names.emplace_back(Trim(name));
       }
       return {};
     }},
    {"tar", SetBool<&Output::tar>},
    {"push",
     [](std::string_view key, std::string_view value,
        Fields& fields) -> Status {
       ASSIGN_OR_RETURN(fields.push, ParseBool(key, value));
       return {};
     }},
    {"store",
     [](std::string_view key, std::string_view value,
        Fields& fields) -> Status {
       ASSIGN_OR_RETURN(fields.store, ParseBool(key, value));
       return {};
     }},
    {"rewrite-timestamp", SetBool<&Output::rewrite_timestamp>},
    {"push-by-digest", SetBool<&Output::push_by_digest>},
    {"name-canonical", SetBool<&Output::name_canonical>},
    {"registry.insecure", SetBool<&Output::insecure>},
    {"dangling-name-prefix", SetText<&Output::dangling_name_prefix>},
    {"compression",
     [](std::string_view, std::string_view value, Fields& fields) -> Status {
       fields.compression = value;
       return {};
     }},
    {"compression-level", SetLevel},
    {"force-compression", SetBool<&Output::force_compression>},
    {"oci-mediatypes",
     [](std::string_view key, std::string_view value,
        Fields& fields) -> Status {
       ASSIGN_OR_RETURN(bool oci_types, ParseBool(key, value));
       fields.output.docker_media_types = !oci_types;
       return {};
     }},
    {"platform-split", SetBool<&Output::platform_split>},
};

Status UnknownKey(std::string_view key) {
  for (std::string_view known : kOnlyBuildKit) {
    if (key == known) {
      return Unsupported("\"" + std::string(key) +
                         "\" is not supported; leave it out");
    }
  }
  std::vector<std::string> names;
  for (const Key& known : kKeys) names.emplace_back(known.name);
  return InvalidArgument("unknown key \"" + std::string(key) + "\"" +
                         DidYouMean(key, names));
}

Status ApplyField(std::string_view field, Fields& fields) {
  auto pair = SplitOnce(field, '=');
  if (!pair) {
    return InvalidArgument("\"" + std::string(field) +
                           "\" is not of the form key=value");
  }
  auto [key, value] = *pair;
  for (const Key& known : kKeys) {
    if (known.name == key) return known.apply(key, value, fields);
  }
  if (!IsAnnotationKey(key)) return UnknownKey(key);
  ASSIGN_OR_RETURN(Annotation annotation, ParseAnnotationKey(key, value));
  fields.output.annotations.push_back(std::move(annotation));
  return {};
}

Status ApplyPush(const Fields& fields, Output& output) {
  if (fields.push) {
    if (output.kind != Output::Kind::kStore) {
      return InvalidArgument("push=true goes with type=image only");
    }
    output.kind = Output::Kind::kRegistry;
  }
  if (!fields.store) return {};
  if (output.kind == Output::Kind::kStore && !*fields.store) {
    return InvalidArgument(
        "store=false without push=true leaves nothing to do");
  }
  if (!output.IsImage() || !output.dest.empty()) {
    return InvalidArgument("store= goes with type=image and type=registry");
  }
  output.store = output.kind == Output::Kind::kRegistry && *fields.store;
  return {};
}

Status ApplyCompression(const Fields& fields, Output& output) {
  if (fields.compression.empty() && !fields.level) {
    if (!output.force_compression) return {};
    output.layers.emplace();
    return {};
  }
  oci::LayerForm form;
  if (fields.compression == "estargz") {
    form.estargz = true;
  } else if (!fields.compression.empty()) {
    auto algorithm = oci::ParseCompression(fields.compression);
    if (!algorithm) {
      return InvalidArgument("unknown compression \"" + fields.compression +
                             "\"; there are gzip, zstd, estargz and "
                             "uncompressed");
    }
    form.compression.algorithm = *algorithm;
  }
  if (fields.level) {
    bool zstd = form.compression.algorithm == oci::Compression::kZstd;
    if (form.compression.algorithm == oci::Compression::kNone) {
      return InvalidArgument(
          "compression-level= has no meaning with compression=uncompressed");
    }
    if (*fields.level == 0 || (*fields.level > 9 && !zstd)) {
      return InvalidArgument(
          "compression-level=" + std::to_string(*fields.level) +
          ": there are 1 to " + (zstd ? "22" : "9"));
    }
    form.compression.level = *fields.level;
  }
  output.layers = form;
  return {};
}

Status CheckFiles(const Output& output) {
  if (output.kind == Output::Kind::kLocal) {
    if (output.dest.empty()) {
      return InvalidArgument("type=local needs dest=FOLDER");
    }
    if (output.dest == "-") {
      return InvalidArgument(
          "type=local writes a folder, not standard output; use type=tar");
    }
  }
  if (output.kind == Output::Kind::kTar && output.platform_split == true) {
    return Unsupported("platform-split=true goes with type=local only");
  }
  bool of_image = output.layers || output.docker_media_types ||
                  !output.annotations.empty() || !output.names.empty();
  if (of_image) {
    return InvalidArgument(
        "name, compression, oci-mediatypes and annotations are for images, not "
        "for files");
  }
  return {};
}

Status CheckImage(const Output& output) {
  bool has_file =
      output.kind == Output::Kind::kOci || output.kind == Output::Kind::kDocker;
  if (!has_file && !output.dest.empty()) {
    return InvalidArgument("dest= has no meaning for this type");
  }
  if (has_file && !output.tar && (output.dest.empty() || output.dest == "-")) {
    return InvalidArgument("tar=false needs dest=FOLDER");
  }
  if (output.platform_split) {
    return InvalidArgument(
        "platform-split= goes with type=local and type=tar only");
  }
  if (!output.docker_media_types) return {};
  if (output.kind == Output::Kind::kOci) {
    return InvalidArgument("oci-mediatypes=false contradicts type=oci");
  }
  if (output.layers &&
      (output.layers->estargz ||
       output.layers->compression.algorithm == oci::Compression::kZstd)) {
    return InvalidArgument(
        "oci-mediatypes=false: Docker has no media type for such layers");
  }
  if (!output.annotations.empty()) {
    return InvalidArgument(
        "oci-mediatypes=false: Docker's manifests have no annotations");
  }
  return {};
}

Status Check(const Output& output) {
  bool pushes = output.kind == Output::Kind::kRegistry;
  if (!pushes && (output.push_by_digest || output.insecure)) {
    return InvalidArgument(
        "push-by-digest and registry.insecure go with push=true only");
  }
  bool stores = output.kind == Output::Kind::kStore || output.store;
  if (!stores && !output.dangling_name_prefix.empty()) {
    return InvalidArgument("dangling-name-prefix= goes with type=image only");
  }
  if (!stores && !pushes && output.name_canonical) {
    return InvalidArgument("name-canonical= goes with type=image only");
  }
  bool writes_folder =
      output.kind == Output::Kind::kOci || output.kind == Output::Kind::kDocker;
  if (!output.tar && !writes_folder) {
    return InvalidArgument("tar=false goes with type=oci and type=docker only");
  }
  return output.IsImage() ? CheckImage(output) : CheckFiles(output);
}

Result<Output> ParseFields(std::string_view text) {
  ASSIGN_OR_RETURN(std::vector<std::string> split, SplitCsv(text));
  Fields fields;
  for (const std::string& field : split) {
    RETURN_IF_ERROR(ApplyField(field, fields));
  }
  if (!fields.has_type) return InvalidArgument("type= is missing");
  Output output = fields.output;
  RETURN_IF_ERROR(ApplyPush(fields, output));
  RETURN_IF_ERROR(ApplyCompression(fields, output));
  RETURN_IF_ERROR(Check(output));
  // A tar with no destination goes to standard output, as buildx does it.
  bool writes_tar = output.kind == Output::Kind::kTar ||
                    ((output.kind == Output::Kind::kDocker ||
                      output.kind == Output::Kind::kOci) &&
                     output.tar);
  if (writes_tar && output.dest.empty()) output.dest = "-";
  return output;
}

}  // namespace

Result<Output> ParseOutput(std::string_view text) {
  auto context = [&](Error error) {
    return std::move(error).Wrap("--output \"" + std::string(text) + "\"");
  };
  if (text.empty()) return context(InvalidArgument("is empty"));
  // buildx's short form: a folder, or "-" for a tar to standard output.
  if (text.find('=') == std::string_view::npos) {
    Output output;
    output.kind = text == "-" ? Output::Kind::kTar : Output::Kind::kLocal;
    output.dest = text;
    return output;
  }
  auto output = ParseFields(text);
  if (!output) return context(std::move(output).error());
  return output;
}

}  // namespace strake::builder
