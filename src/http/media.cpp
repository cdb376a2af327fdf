#include "http/media.hpp"

#include <array>
#include <charconv>

#include "base/text.hpp"

namespace http {
namespace {

std::string_view trim_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The text before the next `separator`; takes it and the separator from `rest`.
std::string_view take_until(std::string_view& rest, char separator) {
  const auto at = rest.find(separator);
  const auto taken = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + 1);
  return trim_blanks(taken);
}

struct Range {
  std::string type;  // lower case: "text/html", "text/*", "*/*"
  double quality = 1;
};

Range parse_range(std::string_view text) {
  Range range{base::to_lower(take_until(text, ';'))};
  while (!text.empty()) {
    auto parameter = take_until(text, ';');
    const auto name = base::to_lower(take_until(parameter, '='));
    if (name != "q") continue;
    double quality = 1;
    const auto [end, failed] = std::from_chars(parameter.data(), parameter.data() + parameter.size(), quality);
    range.quality = failed == std::errc() && quality >= 0 && quality <= 1 ? quality : 0;
  }
  return range;
}

// 3 for the very type, 2 for its family, 1 for anything, 0 for no match.
int exactness(std::string_view range, std::string_view type) {
  if (range == type) return 3;
  if (range == "*/*") return 1;
  const auto slash = range.find('/');
  const bool family = slash != std::string_view::npos && range.substr(slash) == "/*";
  return family && type.starts_with(range.substr(0, slash + 1)) ? 2 : 0;
}

}  // namespace

bool is_json(std::string_view content_type) {
  if (content_type == "application/json") return true;
  if (base::to_lower(take_until(content_type, ';')) != "application/json") return false;
  while (!content_type.empty()) {
    auto parameter = take_until(content_type, ';');
    if (parameter.empty()) continue;
    const auto name = base::to_lower(take_until(parameter, '='));
    auto charset = base::to_lower(parameter);
    if (charset.size() >= 2 && charset.front() == '"' && charset.back() == '"')
      charset = charset.substr(1, charset.size() - 2);
    if (name == "charset" && charset != "utf-8" && charset != "utf8") return false;
  }
  return true;
}

std::optional<std::string_view> choose_media(std::string_view accept, const std::vector<std::string>& offered) {
  if (offered.empty()) return "";
  accept = trim_blanks(accept);
  if (accept.empty() || accept == "*/*" || accept == offered.front()) return offered.front();
  std::vector<Range> ranges;
  while (!accept.empty()) {
    if (const auto range = take_until(accept, ','); !range.empty()) ranges.push_back(parse_range(range));
  }
  std::optional<std::string_view> best;
  double best_quality = 0;
  int best_exactness = 0;
  for (const auto& type : offered) {
    double quality = 0;
    int exact = 0;
    // The most exact range says how welcome a type is, also when it says: not at all.
    for (const auto& range : ranges) {
      if (const int how = exactness(range.type, type); how > exact) exact = how, quality = range.quality;
    }
    if (quality > best_quality || (quality == best_quality && quality > 0 && exact > best_exactness)) {
      best = type, best_quality = quality, best_exactness = exact;
    }
  }
  return best;
}

}  // namespace http
