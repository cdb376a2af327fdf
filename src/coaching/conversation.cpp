#include "coaching/conversation.hpp"

#include <algorithm>
#include <array>

namespace coaching {

double progress_of(Phase phase) {
  static constexpr std::array kProgress{0.1, 0.3, 0.5, 0.7, 0.9, 1.0};
  return kProgress[static_cast<std::size_t>(phase)];
}

Status shown_status(const Conversation& conversation, base::Time now, const Patience& patience) {
  if (!is_open(conversation.status) || conversation.open_turn) return conversation.status;
  const auto quiet = now - conversation.updated_at;
  if (patience.expiry.count() > 0 && quiet > patience.expiry) return Status::abandoned;
  if (patience.idle.count() > 0 && quiet > patience.idle) return Status::paused;
  return conversation.status;
}

bool is_open(Status status) { return status == Status::active || status == Status::paused; }

Phase later(Phase a, Phase b) { return std::max(a, b); }

}  // namespace coaching
