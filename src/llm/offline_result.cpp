#include "llm/offline_result.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

namespace llm::offline {
namespace {

namespace json = boost::json;

json::value text_or_null(std::string_view text) {
  return text.empty() ? json::value(nullptr) : json::value(json::string(text));
}

json::array texts(const std::vector<std::string>& list) {
  json::array out;
  for (const auto& text : list) out.emplace_back(json::string(text));
  return out;
}

std::string sentence_of(std::string_view text) { return text.empty() ? "" : capitalised(core_of(text)) + "."; }

// "What I mean underneath is independence, that nobody can tell us …" says what it means; a bare list does not.
bool explains(const Mention& mention) {
  const auto& sentence = *mention.sentence;
  return mention.listed && mention.span.size() * 3 < sentence.text.size() &&
         (contains_word(sentence.words, "mean") || contains_word(sentence.words, "that"));
}

// The stories come first; a list that merely names the value comes last.
std::vector<const Mention*> best_mentions(const Value& value) {
  std::vector<const Mention*> list;
  for (const auto& mention : value.mentions) {
    const bool same =
        std::any_of(list.begin(), list.end(), [&](auto* other) { return other->sentence == mention.sentence; });
    if (!same) list.push_back(&mention);
  }
  const auto rank = [](const Mention* m) { return std::tuple(explains(*m) ? 0 : m->listed ? 2 : 1, m); };
  std::sort(list.begin(), list.end(), [&](auto* a, auto* b) { return rank(a) < rank(b); });
  return list;
}

bool names(std::string_view text, const Value& value) {
  return contains_word(split_words(text), split_words(value.name).front().lower);
}

// The sentence; "Or when …" needs the one before it.
std::string told(const Dialogue& dialogue, const Mention& mention) {
  const auto& sentences = dialogue.turns[mention.turn].sentences;
  const bool joins =
      mention.sentence->words.front().lower == "or" || mention.sentence->words.front().lower == "otherwise";
  if (!joins || mention.sentence == sentences.data()) return sentence_of(mention.sentence->text);
  return std::string((mention.sentence - 1)->text) + " " + std::string(mention.sentence->text);
}

json::object value_result(const Dialogue& dialogue, const Value& value) {
  const auto& values = dialogue.values;
  const auto mentions = best_mentions(value);
  json::object out;
  out["name"] = capitalised(value.name);
  const bool story = !mentions.empty() && !mentions.front()->listed;
  const bool shown = !story && !value.behaviours.empty() && (mentions.empty() || !explains(*mentions.front()));
  out["description"] = shown              ? sentence_of(value.behaviours.front())
                       : mentions.empty() ? capitalised(value.name)
                                          : told(dialogue, *mentions.front());
  std::string importance;
  if (names(values.trade_off, value)) importance = sentence_of(values.trade_off);
  for (std::size_t i = 1; importance.empty() && i < mentions.size(); ++i) {
    if (!mentions[i]->listed && mentions[i]->sentence->words.size() >= 6) importance = told(dialogue, *mentions[i]);
  }
  out["importance"] = text_or_null(importance);
  out["behaviours"] = texts(value.behaviours);
  out["red_flag"] = text_or_null(sentence_of(value.red_flag));
  return out;
}

json::value values_result(const Dialogue& dialogue) {
  const auto chosen = dialogue.values.chosen();
  json::array list;
  std::vector<std::string> names_said;
  std::string flag;
  for (const auto* value : chosen) {
    list.push_back(value_result(dialogue, *value));
    names_said.push_back(value->name);
    if (flag.empty()) flag = value->red_flag;
  }
  auto summary =
      fmt::format("{} {}.", dialogue.complete ? "The values you confirmed are" : "What showed in this conversation is",
                  join(names_said));
  const auto stories = dialogue.values.shown();
  const auto* told = chosen.empty()
                         ? nullptr
                         : salient_sentence(dialogue.turns.at(std::min<std::size_t>(1, dialogue.turns.size() - 1)));
  if (!stories.empty() && told != nullptr)
    summary += fmt::format(" You told of this: {}.", quoted(core_of(told->text)));
  if (!dialogue.values.trade_off.empty())
    summary += fmt::format(" Where they conflict: {}.", quoted(dialogue.values.trade_off));
  if (!flag.empty()) summary += fmt::format(" Your warning sign: {}.", quoted(flag));
  return json::object{{"values", std::move(list)}, {"summary", chosen.empty() ? "" : summary}};
}

// What they answered to these questions, whole, in the order of the conversation.
std::string answers(const Dialogue& dialogue, std::initializer_list<std::string_view> ids, std::size_t max_words) {
  std::string out;
  std::size_t words = 0;
  for (const auto& turn : dialogue.turns) {
    const bool wanted = turn.question != nullptr && turn.kind == Kind::answer &&
                        std::find(ids.begin(), ids.end(), turn.question->id) != ids.end();
    if (!wanted) continue;
    for (const auto& sentence : turn.sentences) {
      words += sentence.words.size();
      if (words > max_words && !out.empty()) return out;
      if (!out.empty()) out += ' ';
      out += sentence.text;
    }
  }
  return out;
}

json::value purpose_result(const Dialogue& dialogue) {
  auto why = answers(dialogue, {"underneath", "for_whom"}, 60);
  if (why.empty()) why = answers(dialogue, {"moved", "moment", "absence", "anger", "energy"}, 50);
  return json::object{{"statement", json::string(filled(dialogue, "{statement}"))},
                      {"why_it_matters", json::string(why)},
                      {"how_it_guides", text_or_null(answers(dialogue, {"change", "hard"}, 70))}};
}

json::value vision_result(const Dialogue& dialogue) {
  std::vector<std::string> aspirations;
  for (const auto& turn : dialogue.turns) {
    const bool pictures = turn.question != nullptr && turn.kind == Kind::answer && turn.question->phase >= 1 &&
                          turn.question->expects.empty();
    // A short message whole, because "that" and "it" need what stands before them.
    const auto* sentence = pictures ? salient_sentence(turn) : nullptr;
    if (sentence == nullptr || aspirations.size() == 12) continue;
    aspirations.push_back(split_words(turn.text).size() <= 36 ? std::string(turn.text) : sentence_of(sentence->text));
  }
  return json::object{{"statement", json::string(filled(dialogue, "{statement}"))},
                      {"horizon", text_or_null(dialogue.facts.horizon)},
                      {"aspirations", texts(aspirations)}};
}

json::value goals_result(const Dialogue& dialogue) {
  const auto& facts = dialogue.facts;
  std::string statement = facts.statement;
  if (statement.empty()) statement = sentence_of(!facts.target_sentence.empty() ? facts.target_sentence : facts.wish);
  json::array goals;
  if (!statement.empty()) {
    goals.push_back(json::object{{"statement", statement},
                                 {"measure", text_or_null(sentence_of(facts.measure))},
                                 {"baseline", text_or_null(facts.baseline)},
                                 {"target", text_or_null(facts.target)},
                                 {"due", text_or_null(facts.due)},
                                 {"relevance", text_or_null(facts.relevance)},
                                 {"obstacles", texts(facts.obstacles)},
                                 {"first_steps", texts(facts.first_steps)}});
  }
  std::string summary;
  if (!statement.empty()) summary = fmt::format("Your goal: {}", quoted(core_of(statement))) + ".";
  if (!facts.relevance.empty()) summary += fmt::format(" The reason you gave: {}.", quoted(core_of(facts.relevance)));
  if (!facts.first_steps.empty())
    summary += fmt::format(" It begins with this: {}.", quoted(facts.first_steps.front()));
  return json::object{{"goals", std::move(goals)}, {"summary", summary}};
}

bool allows(const json::object& schema, std::string_view type) {
  const auto* types = schema.if_contains("type");
  if (types == nullptr) return false;
  if (types->is_string()) return types->get_string() == type;
  return types->is_array() &&
         std::any_of(types->get_array().begin(), types->get_array().end(),
                     [&](const json::value& t) { return t.is_string() && t.get_string() == type; });
}

// The answer to the question that expects this field.
std::vector<std::string> expected(const Dialogue& dialogue, std::string_view field) {
  std::vector<std::string> out;
  for (const auto& turn : dialogue.turns) {
    if (!turn.expects(field) || !turn.tells()) continue;
    for (const auto& sentence : turn.sentences) out.emplace_back(sentence.text);
  }
  return out;
}

json::value by_schema(const Dialogue& dialogue, const json::value* schema) {
  json::object out;
  const auto* root = schema == nullptr ? nullptr : schema->if_object();
  const auto* properties = root == nullptr ? nullptr : root->if_contains("properties");
  if (properties == nullptr || !properties->is_object()) return out;
  for (const auto& [name, field] : properties->get_object()) {
    if (!field.is_object()) continue;
    const auto said = expected(dialogue, name);
    std::string joined;
    for (const auto& sentence : said) joined += (joined.empty() ? "" : " ") + sentence;
    if (allows(field.get_object(), "array")) {
      out[name] = texts(said);
    } else if (!joined.empty() && allows(field.get_object(), "string")) {
      out[name] = joined;
    } else if (allows(field.get_object(), "null")) {
      out[name] = nullptr;
    }
  }
  return out;
}

}  // namespace

json::value result_of(const Dialogue& dialogue, const json::value* schema) {
  if (dialogue.script.seeks == "values") return values_result(dialogue);
  if (dialogue.script.seeks == "purpose") return purpose_result(dialogue);
  if (dialogue.script.seeks == "vision") return vision_result(dialogue);
  if (dialogue.script.seeks == "goals") return goals_result(dialogue);
  return by_schema(dialogue, schema);
}

}  // namespace llm::offline
