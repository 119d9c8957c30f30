#include "builder/annotation.h"

#include <utility>

#include "util/result_macros.h"
#include "util/strings.h"
#include "util/suggest.h"

namespace strake::builder {
namespace {

struct PlaceName {
  std::string_view name;
  Annotation::Place place;
};
constexpr PlaceName kPlaces[] = {
    {"manifest", Annotation::Place::kManifest},
    {"index", Annotation::Place::kIndex},
    {"manifest-descriptor", Annotation::Place::kManifestDescriptor},
    {"index-descriptor", Annotation::Place::kIndexDescriptor},
};

// `manifest[linux/amd64]`: where an annotation goes; "" is a manifest.
Result<Annotation> ParsePlace(std::string_view text) {
  Annotation annotation;
  std::string_view name = text.substr(0, text.find('['));
  if (name.size() < text.size()) {
    std::string_view platform = text.substr(name.size() + 1);
    if (!platform.ends_with(']')) {
      return InvalidArgument("\"" + std::string(text) +
                             "\": the bracket is not closed");
    }
    platform.remove_suffix(1);
    ASSIGN_OR_RETURN(annotation.platform, oci::ParsePlatform(platform));
  }
  if (name.empty()) return annotation;
  std::vector<std::string> names;
  for (const PlaceName& place : kPlaces) {
    if (place.name == name) {
      annotation.place = place.place;
      bool of_index = place.place == Annotation::Place::kIndex ||
                      place.place == Annotation::Place::kIndexDescriptor;
      if (of_index && annotation.platform) {
        return InvalidArgument("\"" + std::string(text) +
                               "\": an index has no platform");
      }
      return annotation;
    }
    names.emplace_back(place.name);
  }
  return InvalidArgument("there is no place \"" + std::string(name) +
                         "\" for annotations" + DidYouMean(name, names) +
                         "; there are " + Join(names, ", "));
}

Result<std::vector<Annotation>> Parse(std::string_view text) {
  auto pair = SplitOnce(text, '=');
  if (!pair || pair->first.empty()) {
    return InvalidArgument("expected [PLACE:]KEY=VALUE");
  }
  auto places = SplitOnce(pair->first, ':');
  std::string_view key = places ? places->second : pair->first;
  std::vector<Annotation> annotations;
  for (std::string_view place : Split(places ? places->first : "", ',')) {
    ASSIGN_OR_RETURN(Annotation annotation, ParsePlace(place));
    annotation.key = key;
    annotation.value = pair->second;
    annotations.push_back(std::move(annotation));
  }
  if (key.empty()) return InvalidArgument("the key is empty");
  return annotations;
}

}  // namespace

Result<std::vector<Annotation>> ParseAnnotation(std::string_view text) {
  auto annotations = Parse(text);
  if (annotations) return annotations;
  return std::move(annotations)
      .error()
      .Wrap("--annotation \"" + std::string(text) + "\"");
}

bool IsAnnotationKey(std::string_view key) {
  if (!key.starts_with("annotation")) return false;
  std::string_view rest = key.substr(std::string_view("annotation").size());
  return rest.starts_with('.') || rest.starts_with('-') ||
         rest.starts_with('[');
}

Result<Annotation> ParseAnnotationKey(std::string_view key,
                                      std::string_view value) {
  std::string_view rest = key.substr(std::string_view("annotation").size());
  size_t bracket = rest.find(']');
  size_t dot = rest.find(
      '.', bracket == std::string_view::npos || rest.find('.') < rest.find('[')
               ? 0
               : bracket);
  if (dot == std::string_view::npos || dot + 1 == rest.size()) {
    return InvalidArgument("\"" + std::string(key) +
                           "\": expected annotation[-PLACE][[PLATFORM]].KEY");
  }
  std::string_view place = rest.substr(0, dot);
  if (place.starts_with('-')) place.remove_prefix(1);
  auto annotation = ParsePlace(place);
  if (!annotation) {
    return std::move(annotation).error().Wrap("\"" + std::string(key) + "\"");
  }
  annotation->key = rest.substr(dot + 1);
  annotation->value = value;
  return annotation;
}

}  // namespace strake::builder
