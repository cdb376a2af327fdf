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

std::vector<TurnTry> tries_of(const llm::Trail& trail) {
  constexpr std::ptrdiff_t kMost = 8;
  std::vector<TurnTry> tries;
  if (trail.size() < 2) return tries;
  const auto first = std::max<std::ptrdiff_t>(std::ssize(trail) - kMost, 0);
  for (auto at = trail.begin() + first; at != trail.end(); ++at) {
    tries.push_back({at->model, at->outcome, at->took.count(), at->waited.count()});
  }
  return tries;
}

void append_json(std::string& out, const TurnRecord& record) {
  base::append_json<TurnRecord>(out, record);
  if (record.tries.empty()) return;
  out.back() = ',';
  out += R"("tries":)";
  base::append_json(out, record.tries);
  out += '}';
}

void read_json(const base::json::value& value, TurnRecord& record, const std::string& path) {
  base::read_json<TurnRecord>(value, record, path);
  if (const auto* tries = value.get_object().if_contains("tries")) {
    base::read_json(*tries, record.tries, path + ".tries");
  }
}

}  // namespace coaching
