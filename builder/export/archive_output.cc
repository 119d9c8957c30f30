// `type=oci` and `type=docker`: one tar file.
#include <utility>

#include "builder/export/destination.h"
#include "builder/export/export.h"
#include "oci/docker_archive.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"

namespace strake::builder::exporter {

Result<PreparedOutputPtr> PrepareArchive(const Output& output,
                                         const std::vector<std::string>& names,
                                         const ExportContext& context) {
  ASSIGN_OR_RETURN(auto destination, FileDestination::Open(output.dest));
  FdSink sink(destination->fd());
  auto write = output.kind == Output::Kind::kDocker ? oci::WriteDockerArchive
                                                    : oci::WriteOciArchive;
  auto written =
      write(context.store.blobs(), context.image.manifest, names, sink, {});
  if (!written) {
    return std::move(written).error().Wrap("write " + output.dest);
  }
  return PreparedOutputPtr(std::move(destination));
}

}  // namespace strake::builder::exporter
