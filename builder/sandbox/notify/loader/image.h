// The resident loader's program file, as the build embeds it.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_LOADER_IMAGE_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_LOADER_IMAGE_H_

#include <string_view>

namespace strake::builder::sandbox::notify {

std::string_view LoaderImage();

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_LOADER_IMAGE_H_
