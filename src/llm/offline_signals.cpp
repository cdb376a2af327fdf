#include "llm/offline_signals.hpp"

#include <algorithm>
#include <unordered_set>

namespace llm::offline {
namespace {

constexpr std::size_t kKeyLetters = 3;

bool is_negation(std::string_view word) {
  static const std::unordered_set<std::string_view> kNegations{"not",     "no",     "never", "without", "cannot",
                                                               "hardly",  "barely", "lack",  "lacks",   "lacking",
                                                               "neither", "nor",    "none"};
  return kNegations.contains(word) || word.ends_with("n't");
}

}  // namespace

bool is_negated(const std::vector<Word>& words, std::size_t at) {
  for (std::size_t back = 1; back <= 3 && back <= at; ++back) {
    const auto& word = words[at - back].lower;
    if (word == "but" || word == "and" || word == "or") return false;
    if (word == "only" && at - back > 0 && words[at - back - 1].lower == "not") return false;
    if (is_negation(word)) return true;
  }
  return false;
}

std::size_t Signals::add(std::string_view name, double weight) {
  signals_.push_back({name, weight, std::nullopt});
  return signals_.size() - 1;
}

bool Signals::add_cue(std::size_t signal, std::string_view cue) {
  Cue entry{signal, {}, cue.starts_with('^')};
  if (entry.at_start) cue.remove_prefix(1);
  for (std::size_t begin = 0; begin < cue.size();) {
    const auto end = std::min(cue.find(' ', begin), cue.size());
    if (end > begin) entry.tokens.push_back(cue.substr(begin, end - begin));
    begin = end + 1;
  }
  if (entry.tokens.empty() || entry.tokens.front() == "*" || entry.tokens.back() == "*") return false;
  auto key = entry.tokens.front();
  const bool stem = key.ends_with('*');
  if (stem) key.remove_suffix(1);
  if (stem && key.size() < kKeyLetters) return false;
  cues_[key.substr(0, kKeyLetters)].push_back(std::move(entry));
  return true;
}

std::optional<std::size_t> Signals::find(std::string_view name) const {
  for (std::size_t i = 0; i < signals_.size(); ++i) {
    if (!name.empty() && signals_[i].name == name) return i;
  }
  return std::nullopt;
}

std::vector<SignalHit> Signals::hits(const std::vector<Word>& words) const {
  std::vector<SignalHit> found;
  for (std::size_t at = 0; at < words.size(); ++at) {
    const auto cues = cues_.find(std::string_view(words[at].lower).substr(0, kKeyLetters));
    if (cues == cues_.end()) continue;
    for (const auto& cue : cues->second) {
      if (cue.at_start && at > 0) continue;
      const auto last = match_cue(cue.tokens, words, at);
      if (!last) continue;
      auto signal = cue.signal;
      // A phrase that holds its own "no" means what it says.
      if (!is_negation(words[at].lower) && is_negated(words, at)) {
        const auto opposite = signals_[signal].opposite;
        if (!opposite) continue;
        signal = *opposite;
      }
      // Two words that belong together say more than one alone, but not twice as much.
      const double weight = signals_[signal].weight * (cue.tokens.size() > 1 ? 1.5 : 1.0);
      const auto same = std::find_if(found.begin(), found.end(), [&](const SignalHit& hit) {
        return hit.signal == signal && hit.first <= *last && at <= hit.last;
      });
      if (same == found.end()) {
        found.push_back({signal, at, *last, weight});
      } else if (*last - at > same->last - same->first) {
        *same = {signal, at, *last, weight};
      }
    }
  }
  return found;
}

}  // namespace llm::offline
