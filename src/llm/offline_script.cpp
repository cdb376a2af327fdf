#include "llm/offline_script.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/error.hpp"

namespace llm::offline {
namespace {

namespace json = boost::json;

[[noreturn]] void fail(std::string_view what) {
  throw base::Error(base::Code::llm_error,
                    fmt::format("the offline coach cannot use this topic's offline.yaml: {}", what));
}

std::string_view text(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

std::vector<std::string_view> texts(const json::object& object, std::string_view key) {
  std::vector<std::string_view> list;
  const auto* value = object.if_contains(key);
  if (value == nullptr || !value->is_array()) return list;
  for (const auto& element : value->get_array()) {
    if (element.is_string()) list.emplace_back(element.get_string());
  }
  return list;
}

Question read_question(const json::value& value, std::size_t phase) {
  const auto* object = value.if_object();
  if (object == nullptr) fail("a question is not a map");
  Question question{text(*object, "id"),
                    text(*object, "ask"),
                    text(*object, "another"),
                    text(*object, "expects"),
                    text(*object, "needs"),
                    text(*object, "says"),
                    false,
                    texts(*object, "unless"),
                    phase};
  if (question.id.empty() || question.ask.empty()) fail("a question has no id or no text");
  const auto* always = object->if_contains("always");
  question.always = always != nullptr && always->is_bool() && always->get_bool();
  return question;
}

void read_phase(const json::object& object, std::size_t index, Script& script) {
  auto& phase = script.phases[index];
  phase.bridge = text(object, "bridge");
  if (const auto* enough = object.if_contains("enough"); enough != nullptr && enough->is_int64()) {
    phase.enough = static_cast<std::size_t>(std::max<std::int64_t>(0, enough->get_int64()));
  }
  const auto* questions = object.if_contains("questions");
  if (questions == nullptr || !questions->is_array()) return;
  for (const auto& question : questions->get_array()) script.questions.push_back(read_question(question, index));
}

}  // namespace

std::size_t phase_index(std::string_view name) {
  const auto found = std::find(kPhases.begin(), kPhases.end(), name);
  return found == kPhases.end() ? 0 : static_cast<std::size_t>(found - kPhases.begin());
}

const Question* Script::question(std::string_view id) const {
  const auto found = std::find_if(questions.begin(), questions.end(), [&](const Question& q) { return q.id == id; });
  return found == questions.end() ? nullptr : &*found;
}

Script read_script(const json::value* script) {
  if (script == nullptr || !script->is_object()) fail("there is none");
  const auto& object = script->get_object();
  Script out;
  out.seeks = text(object, "seeks");
  out.opening = text(object, "opening");
  out.probes = texts(object, "probes");
  const auto* phases = object.if_contains("phases");
  if (phases == nullptr || !phases->is_object()) fail("'phases' is missing");
  for (std::size_t i = 0; i < kPhases.size(); ++i) {
    const auto* phase = phases->get_object().if_contains(kPhases[i]);
    if (phase == nullptr || !phase->is_object()) fail(fmt::format("the phase '{}' is missing", kPhases[i]));
    read_phase(phase->get_object(), i, out);
  }
  out.confirm = texts(phases->at(kPhases[kValidation]).get_object(), "confirm");
  out.closing = text(phases->at(kPhases[kCompletion]).get_object(), "closing");
  if (out.opening.empty() || out.closing.empty() || out.confirm.empty()) fail("opening, confirm or closing is missing");
  if (out.questions.empty() || out.questions.front().phase != 0) fail("the introduction has no question");
  return out;
}

bool ends_with_question(std::string_view message, std::string_view ask) {
  const auto first = ask.find('{');
  if (first == std::string_view::npos) return message.ends_with(ask);
  const auto tail = ask.substr(ask.rfind('}') + 1);
  const auto head = ask.substr(0, first);
  return message.ends_with(tail) && (head.empty() || message.rfind(head) != std::string_view::npos);
}

}  // namespace llm::offline
