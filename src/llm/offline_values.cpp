#include "llm/offline_values.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace llm::offline {
namespace {

constexpr std::size_t kMostItems = 12;  // of one sentence; a longer list is no list of values
constexpr std::size_t kMostValues = 7;
constexpr std::size_t kMostShown = 5;  // given back when none was named

}  // namespace

std::size_t Values::named_count() const {
  return static_cast<std::size_t>(
      std::count_if(found.begin(), found.end(), [](const Value& value) { return value.named && !value.removed; }));
}

std::vector<const Value*> Values::shown() const {
  std::vector<const Value*> list;
  // A turn of phrase tells more than a single word, which may have meant something else.
  const auto stories = [](const Value* value) {
    std::ptrdiff_t weight = 0;
    for (const auto& mention : value->mentions) {
      if (!mention.listed) weight += split_words(mention.span).size() >= 3 ? 2 : 1;
    }
    return weight;
  };
  for (const auto& value : found) {
    if (!value.removed && stories(&value) > 0) list.push_back(&value);
  }
  // Equal ones stay in the order heard, which is that of their places.
  std::sort(list.begin(), list.end(),
            [&](auto* a, auto* b) { return std::pair(-stories(a), a) < std::pair(-stories(b), b); });
  return list;
}

std::vector<const Value*> Values::chosen() const {
  std::vector<const Value*> list;
  for (const auto& value : found) {
    if (value.named && !value.removed) list.push_back(&value);
  }
  // In the order of naming, which need not be that of the stories.
  std::sort(list.begin(), list.end(), [](auto* x, auto* y) { return x->named_as < y->named_as; });
  if (list.empty()) {
    list = shown();
    if (list.size() > kMostShown) list.resize(kMostShown);
  }
  if (list.size() > kMostValues) list.resize(kMostValues);
  return list;
}

std::size_t shared_words(const std::vector<Word>& a, const std::vector<Word>& b) {
  const auto stem = [](std::string_view word) { return word.ends_with('s') ? word.substr(0, word.size() - 1) : word; };
  std::size_t count = 0;
  for (const auto& word : a) {
    if (!is_content_word(word.lower)) continue;
    count += std::any_of(b.begin(), b.end(), [&](const Word& other) { return stem(other.lower) == stem(word.lower); })
                 ? 1
                 : 0;
  }
  return count;
}

std::vector<std::string> split_items(std::string_view text) {
  std::vector<std::string> items;
  const auto long_enough = [](std::string_view part) { return split_words(part).size() >= 3; };
  auto rest = core_of(text);
  for (std::size_t from = 0; from < rest.size() && items.size() < kMostItems;) {
    std::size_t at = std::string_view::npos, length = 0;
    for (const std::string_view mark : {", and ", "; ", ". ", " and also "}) {
      const auto found = rest.find(mark, from);
      if (found < at) at = found, length = mark.size();
    }
    if (at == std::string_view::npos) break;
    if (!long_enough(rest.substr(0, at)) || !long_enough(rest.substr(at + length))) {
      from = at + length;
      continue;
    }
    items.push_back(capitalised(core_of(rest.substr(0, at))));
    rest = rest.substr(at + length);
    from = 0;
  }
  if (!core_of(rest).empty()) items.push_back(capitalised(core_of(rest)));
  return items;
}

std::string_view after_label(std::string_view text, std::size_t max_words) {
  const auto colon = text.find(": ");
  if (colon == std::string_view::npos || split_words(text.substr(0, colon)).size() > max_words) return text;
  return base::trim(text.substr(colon + 2));
}

}  // namespace llm::offline
