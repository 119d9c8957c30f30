// Calls about ids that the table of `ProcessCalls` names.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_HANDLERS_IDS_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_HANDLERS_IDS_H_

#include "builder/sandbox/notify/request.h"

namespace strake::builder::sandbox::notify {

// prctl(2) with one of the options that the filter names (filter.cc).
Answer HandleCredentialPrctl(Request& request);

// The limit calls, for the limit that holds the label (label.h).
Answer HandleLimit(Request& request);

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_HANDLERS_IDS_H_
