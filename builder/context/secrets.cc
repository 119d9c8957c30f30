#include "builder/context/secrets.h"

#include <string.h>

namespace strake::builder::context {

Secrets::~Secrets() {
  for (auto& [id, value] : values_) {
    ::explicit_bzero(value.data(), value.size());
  }
}

void Secrets::Add(std::string_view id, std::string_view value) {
  std::string& place = values_[std::string(id)];
  ::explicit_bzero(place.data(), place.size());
  place.assign(value);
}

const std::string* Secrets::Find(std::string_view id) const {
  auto it = values_.find(id);
  return it == values_.end() ? nullptr : &it->second;
}

}  // namespace strake::builder::context
