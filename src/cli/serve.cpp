#include "base/error.hpp"
#include "cli/commands.hpp"

namespace cli {

int serve(const Settings&) { throw base::Error(base::Code::internal_error, "the server is not linked in"); }

}  // namespace cli
