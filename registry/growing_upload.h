// A blob that is uploaded while it is still being written, in PATCHes of as
// much as there is each time (distribution-spec, "Pushing a blob in chunks").
//
// It is only ever a head start. What goes wrong is not mended but given up, and
// the blob, whole by then, is uploaded as any other (`Client::UploadBlob`),
// which knows how to deal with everything. So no function fails.
//
// `Grow` and `Complete` are for one thread, `Wait` for any.

#ifndef STRAKE_REGISTRY_GROWING_UPLOAD_H_
#define STRAKE_REGISTRY_GROWING_UPLOAD_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>

#include "oci/descriptor.h"
#include "oci/reference.h"
#include "registry/client.h"
#include "util/unique_fd.h"

namespace strake::registry {

class Transport;

class GrowingUpload {
 public:
  //   content     the file that grows; read with pread(2)
  //   on_refused  called where the registry does not play along: the next blob
  //               would fare no better
  // `transport` is borrowed.
  GrowingUpload(Transport& transport, const oci::Reference& repository,
                UniqueFd content, std::function<void()> on_refused);
  GrowingUpload(const GrowingUpload&) = delete;
  GrowingUpload& operator=(const GrowingUpload&) = delete;
  // Gives up what is under way.
  ~GrowingUpload();

  // There are `size_bytes` bytes now. The first that make it worth while start
  // the upload.
  void Grow(uint64_t size_bytes);
  // That is all, and this is what it is.
  void Complete(const oci::Descriptor& blob);
  // True: the registry has the blob. False: it has to be uploaded from the
  // start. Stopping gives up.
  //   on_bytes  as `Client::UploadBlob` has it; may be empty
  bool Wait(const BytesCallback& on_bytes, std::stop_token stop);
  // Ends what is under way; `Wait` is false then.
  void GiveUp();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_GROWING_UPLOAD_H_
