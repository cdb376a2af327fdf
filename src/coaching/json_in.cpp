// Finding the JSON in what a model wrote.
#include <optional>

#include "base/json_members.hpp"
#include "coaching/structured.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;

constexpr int kMostCandidates = 32;  // braces may stand in chatter too

// The parser keeps the last of two members of one name; which of them was meant nobody knows.
base::json::value without_repetition(base::json::value value, std::string_view text) {
  if (base::members_written(text) != base::members_kept(value)) {
    throw Error(Code::llm_error, "The model's answer says a member of the JSON object twice.");
  }
  return value;
}

// The place behind the brace that closes the one at `begin`; npos when none does.
std::size_t closing(std::string_view text, std::size_t begin) {
  int depth = 0;
  bool inside = false;
  for (auto i = begin; i < text.size(); ++i) {
    const char c = text[i];
    if (inside) {
      if (c == '\\') ++i;
      if (c == '"') inside = false;
    } else if (c == '"') {
      inside = true;
    } else if (c == '{') {
      ++depth;
    } else if (c == '}' && --depth == 0) {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

// An object begins with a name, or ends at once; a brace in chatter rarely does.
bool begins_object(std::string_view text, std::size_t brace) {
  const auto next = text.find_first_not_of(" \t\r\n", brace + 1);
  return next != std::string_view::npos && (text[next] == '"' || text[next] == '}');
}

}  // namespace

base::json::value json_in(std::string_view answer) {
  std::string why = "it has none";
  std::optional<base::json::value> empty;
  auto brace = answer.find('{');
  for (int i = 0; i < kMostCandidates && brace != std::string_view::npos; ++i) {
    if (!begins_object(answer, brace)) {
      brace = answer.find('{', brace + 1);
      continue;
    }
    const auto end = closing(answer, brace);
    if (end == std::string_view::npos) {
      why = "it is cut off";
      break;
    }
    const auto text = answer.substr(brace, end - brace);
    std::optional<base::json::value> value;
    try {
      value = base::parse_json(text);
    } catch (const Error& error) {
      why = error.message;  // this one is none; what is inside of it does not stand for it
    }
    if (value && !value->get_object().empty()) return without_repetition(std::move(*value), text);
    if (value) empty = std::move(value);
    brace = answer.find('{', end);
  }
  if (empty && why == "it has none") return std::move(*empty);
  throw Error(Code::llm_error, "The model's answer holds no JSON object: " + why + ".");
}

}  // namespace coaching
