// `strake blob get` and `strake blob put`.

#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/registry_command.h"
#include "util/atomic_file.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/temporary_folder.h"
#include "util/unique_fd.h"

namespace strake::cli {
namespace {

class BlobGetCommand final : public RegistryCommand {
 public:
  void Declare(OptionSet& options) override {
    options.SetArguments({"REPOSITORY@DIGEST", 1, 1});
    options.Value("-o,--output", output_, {"FILE", Completes::kFiles},
                  "Write to FILE, once it is verified, rather than to standard "
                  "output");
    DeclareRegistryOptions(options);
  }
  Status Resolve(const Environment&,
                 std::vector<std::string> arguments) override {
    ASSIGN_OR_RETURN(blob_, oci::ParseReference(arguments[0]));
    if (!blob_.digest) {
      return InvalidArgument(GoQuote(arguments[0]) +
                             ": a blob is named by its digest: "
                             "REPOSITORY@sha256:...");
    }
    return {};
  }

 private:
  Status Ask(const registry::Client& client, std::stop_token stop) override {
    ASSIGN_OR_RETURN(oci::Descriptor blob,
                     client.StatBlob(blob_, *blob_.digest, stop));
    if (output_.empty() || output_ == "-") {
      FdSink sink(STDOUT_FILENO);
      return client.FetchBlob(blob_, blob, sink, {}, stop);
    }
    ASSIGN_OR_RETURN(AtomicFile file,
                     AtomicFile::Create(output_, {.mode = 0644, .sync = true}));
    FdSink sink(file.fd());
    RETURN_IF_ERROR(client.FetchBlob(blob_, blob, sink, {}, stop));
    return file.Commit();
  }

  oci::Reference blob_;
  std::string output_;
};

class BlobPutCommand final : public RegistryCommand {
 public:
  void Declare(OptionSet& options) override {
    options.SetArguments({"REPOSITORY FILE", 2, 2, Completes::kFiles});
    DeclareRegistryOptions(options);
  }
  Status Resolve(const Environment&,
                 std::vector<std::string> arguments) override {
    ASSIGN_OR_RETURN(repository_, ParseRepository(arguments[0]));
    file_ = std::move(arguments[1]);
    return {};
  }

 private:
  // The digest is asked for before the content, which therefore has to be read
  // twice: what comes as a stream is kept meanwhile.
  Status Keep() {
    if (file_ != "-") return {};
    ASSIGN_OR_RETURN(
        TemporaryFolder folder,
        TemporaryFolder::Make("strake-blob-", "to keep a blob in"));
    folder_.emplace(std::move(folder));
    file_ = folder_->path() + "/blob";
    ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(file_.c_str(),
                                           O_WRONLY | O_CREAT | O_EXCL, 0600));
    FdSource source(STDIN_FILENO);
    FdSink sink(fd.get());
    RETURN_IF_ERROR(CopyAll(source, sink));
    return {};
  }

  Result<oci::Descriptor> Describe() const {
    ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(file_.c_str(), O_RDONLY));
    FdSource source(std::move(fd));
    oci::Descriptor blob;
    oci::Hasher hasher;
    std::vector<std::byte> buffer(kStreamBufferBytes);
    while (true) {
      ASSIGN_OR_RETURN(size_t count, source.Read(buffer));
      if (count == 0) break;
      hasher.Update(std::span<const std::byte>(buffer).first(count));
      blob.size_bytes += count;
    }
    blob.digest = hasher.Finish();
    return blob;
  }

  Status Ask(const registry::Client& client, std::stop_token stop) override {
    RETURN_IF_ERROR(Keep());
    ASSIGN_OR_RETURN(oci::Descriptor blob, Describe());
    ASSIGN_OR_RETURN(bool there,
                     client.HasBlob(repository_, blob.digest, stop));
    if (!there) RETURN_IF_ERROR(Upload(client, blob, stop));
    return PrintOut(repository_.Name() + "@" + blob.digest.ToString() + "\n");
  }

  Status Upload(const registry::Client& client, const oci::Descriptor& blob,
                std::stop_token stop) const {
    auto open = [&](uint64_t offset) -> Result<std::unique_ptr<ByteSource>> {
      ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(file_.c_str(), O_RDONLY));
      if (::lseek(fd.get(), static_cast<off_t>(offset), SEEK_SET) < 0) {
        return ErrnoError("seek in " + file_);
      }
      return std::unique_ptr<ByteSource>(
          std::make_unique<FdSource>(std::move(fd)));
    };
    return client.UploadBlob(repository_, blob, open, {}, stop);
  }

  oci::Reference repository_;
  std::string file_;
  std::optional<TemporaryFolder> folder_;
};

}  // namespace

std::unique_ptr<Command> MakeBlobGetCommand() {
  return std::make_unique<BlobGetCommand>();
}

std::unique_ptr<Command> MakeBlobPutCommand() {
  return std::make_unique<BlobPutCommand>();
}

}  // namespace strake::cli
