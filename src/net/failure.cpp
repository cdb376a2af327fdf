#include "net/failure.hpp"

#include <utility>

#include "base/json.hpp"

namespace net {

base::Error failure(Stage stage, bool timed_out, std::string message) {
  return {base::Code::dependency_unavailable,
          std::move(message),
          {{"stage", base::name_of(stage)}, {"timeout", timed_out}}};
}

std::optional<Stage> failed_stage(const base::Error& error) {
  const auto* details = error.details.if_object();
  const auto* stage = details != nullptr ? details->if_contains("stage") : nullptr;
  if (stage == nullptr || !stage->is_string()) return {};
  return base::enum_from<Stage>(stage->get_string());
}

bool timed_out(const base::Error& error) {
  const auto* details = error.details.if_object();
  const auto* flag = details != nullptr ? details->if_contains("timeout") : nullptr;
  return flag != nullptr && flag->is_bool() && flag->get_bool();
}

}  // namespace net
