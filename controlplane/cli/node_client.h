#pragma once
// Asking the control plane of a running node.

#include "controlplane/cli/options.h"

namespace weir::controlplane::cli {

/// --run-dir, or the default.
std::string run_dir_of(const Parsed& parsed);

/// The document that the node answers with; its own error otherwise. kResource, with what to do, if
/// no node runs there.
Result<Json> ask_node(const Parsed& parsed, const std::string& method, const std::string& target,
                      const std::string& body = "");
/// The answer's body as it is, for bodies that are no JSON either way; `type` is the request's
/// Content-Type.
Result<std::string> ask_node_bytes(const Parsed& parsed, const std::string& method,
                                   const std::string& target, const std::string& body,
                                   const std::string& type);
Result<Json> ask_node_in(const std::string& run_dir, const std::string& method,
                         const std::string& target, const std::string& body, uint32_t timeout_ms);

}  // namespace weir::controlplane::cli
