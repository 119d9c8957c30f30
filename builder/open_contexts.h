// Opens what a build reads: the main context and the named ones, of every kind.

#ifndef STRAKE_BUILDER_OPEN_CONTEXTS_H_
#define STRAKE_BUILDER_OPEN_CONTEXTS_H_

#include <map>
#include <optional>
#include <string>

#include "builder/build.h"
#include "builder/context/build_context.h"
#include "builder/progress_reporter.h"
#include "builder/store.h"
#include "oci/reference.h"
#include "registry/client.h"
#include "util/result.h"

namespace strake::builder {

struct OpenedContexts {
  // The main context (called "") and the named ones that are files.
  context::ContextMap folders;
  // Named contexts that are images. One that came from a layout is in the store
  // and named by its digest.
  std::map<std::string, oci::Reference> images;
  // The Dockerfile: as the options give it, or where the main context was no
  // archive but that.
  std::optional<std::string> dockerfile;
  // Of the main context, as in `context::StreamContext`.
  std::string commit;
  std::string ref;
};

// Fetches what is not on this machine, as steps of `progress`. Errors name the
// context.
Result<OpenedContexts> OpenContexts(const BuildOptions& options,
                                    const Store& store,
                                    const registry::Client& client,
                                    ProgressReporter& progress);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_OPEN_CONTEXTS_H_
