#include "builder/export/early_uploads.h"

#include <utility>

namespace strake::builder::exporter {

class EarlyUploads::Observer final : public oci::BlobObserver {
 public:
  explicit Observer(EarlyUploads& owner) : owner_(owner) {}

  void Began(UniqueFd content) override {
    upload_ =
        owner_.client_.StartUpload(owner_.repository_, std::move(content));
  }
  void Grew(uint64_t size_bytes) override {
    if (upload_) upload_->Grow(size_bytes);
  }
  void Ended(const oci::Descriptor& blob) override {
    if (!upload_) return;
    upload_->Complete(blob);
    owner_.uploads_.lock()->try_emplace(blob.digest, std::move(upload_));
  }

 private:
  EarlyUploads& owner_;
  std::shared_ptr<registry::GrowingUpload> upload_;
};

EarlyUploads::EarlyUploads(const registry::Client& client,
                           oci::Reference repository)
    : client_(client), repository_(std::move(repository)) {}

EarlyUploads::~EarlyUploads() {
  // All at once, then one after the other.
  auto uploads = uploads_.lock();
  for (auto& [digest, upload] : *uploads) upload->GiveUp();
}

std::unique_ptr<oci::BlobObserver> EarlyUploads::Observe() {
  return std::make_unique<Observer>(*this);
}

std::shared_ptr<registry::GrowingUpload> EarlyUploads::Find(
    const oci::Reference& repository, const oci::Digest& blob) const {
  if (repository.Name() != repository_.Name()) return nullptr;
  auto uploads = uploads_.lock();
  auto upload = uploads->find(blob);
  return upload == uploads->end() ? nullptr : upload->second;
}

std::optional<oci::Reference> RepositoryForLayers(
    const std::vector<Output>& outputs,
    const std::optional<oci::LayerForm>& made) {
  for (const Output& output : outputs) {
    if (output.kind != Output::Kind::kRegistry || output.names.empty()) {
      continue;
    }
    if (output.layers && !(made && *made == *output.layers)) continue;
    auto reference = oci::ParseReference(output.names.front());
    if (reference) return *std::move(reference);
  }
  return std::nullopt;
}

}  // namespace strake::builder::exporter
