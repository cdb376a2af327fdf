#include "llm/offline_analysis_script.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "base/text.hpp"

namespace llm::offline {
namespace {

constexpr std::array<std::string_view, 5> kParts{"reads", "signals", "tables", "facts", "result"};
constexpr std::array<std::string_view, 10> kDirectives{"give",  "each",  "as",   "when",          "else",
                                                       "order", "carry", "then", "if_fewer_than", "most"};

const json::value kNothing;  // words are views: what they point into must stay

std::string below(const std::string& where, std::string_view name) {
  return where.empty() ? std::string(name) : fmt::format("{}.{}", where, name);
}

std::string text_at(const json::value& value) { return value.is_string() ? std::string(value.get_string()) : ""; }

// "[a, b]" or "a, b".
std::vector<std::string_view> word_list(const json::value& value) {
  std::vector<std::string_view> words;
  if (const auto* list = value.if_array()) {
    for (const auto& element : *list) {
      if (element.is_string()) words.push_back(base::trim(element.get_string()));
    }
  } else if (const auto* text = value.if_string()) {
    const std::string_view all = *text;
    for (std::size_t begin = 0; begin <= all.size();) {
      const auto end = std::min(all.find(',', begin), all.size());
      if (const auto word = base::trim(all.substr(begin, end - begin)); !word.empty()) words.push_back(word);
      begin = end + 1;
    }
  }
  return words;
}

class Reader {
 public:
  Reader(AnalysisScript& out, std::vector<ScriptFault>& faults) : out_(out), faults_(faults) {}

  void run(const json::value& script) {
    const auto* object = script.if_object();
    if (object == nullptr) return fault("", "", "must be a map with reads, signals, facts and result");
    for (const auto& member : *object) known("", member.key(), kParts);
    name_global("by_rules", "");
    if (const auto* reads = part(*object, "reads")) read_reads(*reads);
    if (const auto* signals = part(*object, "signals")) read_signals(*signals);
    if (const auto* tables = part(*object, "tables")) read_tables(*tables);
    if (const auto* facts = part(*object, "facts")) read_facts(*facts);
    const auto* result = part(*object, "result");
    if (result == nullptr) return fault("", "", "'result' is missing: how the result is made");
    out_.result = shape(*object->if_contains("result"), "result");
  }

 private:
  void fault(std::string where, std::string text, std::string message) {
    faults_.push_back({std::move(where), std::move(text), std::move(message)});
  }

  template <class Names>
  bool known(const std::string& where, std::string_view name, const Names& names) {
    if (std::find(names.begin(), names.end(), name) != names.end()) return true;
    const auto near = base::nearest(name, names);
    fault(where, fmt::format("{}:", name),
          fmt::format("'{}' is not known here{}", name,
                      near.empty() ? fmt::format("; use {}", fmt::join(names, ", "))
                                   : fmt::format("; did you mean '{}'?", near)));
    return false;
  }

  const json::object* part(const json::object& script, std::string_view name) {
    const auto* value = script.if_contains(name);
    if (value == nullptr || value->is_null()) return nullptr;
    if (!value->is_object()) {
      fault(std::string(name), fmt::format("{}:", name), "must be a map");
      return nullptr;
    }
    return &value->get_object();
  }

  std::size_t name_global(std::string_view name, const std::string& where) {
    check_name(name, where);
    out_.scope.globals.emplace_back(name);
    return out_.scope.globals.size() - 1;
  }

  void check_name(std::string_view name, const std::string& where) {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
    constexpr std::array<std::string_view, 8> kWords{"if", "and", "or", "not", "in", "true", "false", "null"};
    if (name.empty() || !std::all_of(name.begin(), name.end(), letter) || (name[0] >= '0' && name[0] <= '9')) {
      fault(where, fmt::format("{}:", name), fmt::format("'{}' is no name: use small letters, digits and _", name));
    } else if (std::find(kWords.begin(), kWords.end(), name) != kWords.end()) {
      fault(where, fmt::format("{}:", name), fmt::format("'{}' is a word of the language", name));
    } else if (std::find(out_.scope.globals.begin(), out_.scope.globals.end(), name) != out_.scope.globals.end() ||
               std::find(out_.scope.signals.begin(), out_.scope.signals.end(), name) != out_.scope.signals.end()) {
      fault(where, fmt::format("{}:", name), fmt::format("'{}' is the name of something else already", name));
    }
  }

  void read_reads(const json::object& reads) {
    for (const auto& [name, value] : reads) {
      AnalysisScript::Read read{name_global(name, "reads"), {}};
      for (const auto path : word_list(value)) read.paths.emplace_back(path);
      if (read.paths.empty())
        fault(below("reads", name), fmt::format("{}:", std::string_view(name)), "names no field of the input");
      out_.reads.push_back(std::move(read));
    }
  }

  void add_words(std::size_t signal, const json::value& words, const std::string& where) {
    const auto list = word_list(words);
    if (list.empty()) fault(where, "", "has no words");
    for (const auto word : list) {
      if (std::any_of(word.begin(), word.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) {
        fault(where, std::string(word), fmt::format("'{}' must be in small letters", word));
      } else if (!out_.signals.add_cue(signal, word)) {
        fault(where, std::string(word),
              fmt::format("'{}' matches nothing: begin and end with a word, and give a stem* three letters", word));
      }
    }
  }

  void read_signals(const json::object& signals) {
    constexpr std::array<std::string_view, 3> kKeys{"words", "weight", "opposite"};
    for (const auto& [name, value] : signals) {
      check_name(name, "signals");
      out_.scope.signals.emplace_back(name);
      const auto where = below("signals", name);
      const auto* object = value.if_object();
      const auto* weight = object == nullptr ? nullptr : object->if_contains("weight");
      if (weight != nullptr && !weight->is_number()) fault(where, "weight:", "the weight must be a number");
      const auto id =
          out_.signals.add(name, weight != nullptr && weight->is_number() ? weight->to_number<double>() : 1);
      if (object == nullptr) {
        add_words(id, value, where);
        continue;
      }
      for (const auto& member : *object) known(where, member.key(), kKeys);
      const auto* words = object->if_contains("words");
      add_words(id, words == nullptr ? kNothing : *words, where);
    }
    for (const auto& [name, value] : signals) {
      const auto* opposite = member_of(value, "opposite");
      if (opposite == nullptr) continue;
      const auto other = out_.signals.find(text_of(*opposite));
      if (other) {
        out_.signals.set_opposite(*out_.signals.find(name), *other);
      } else {
        fault(below("signals", name), text_of(*opposite),
              fmt::format("the opposite '{}' is no signal", text_of(*opposite)));
      }
    }
  }

  void read_tables(const json::object& tables) {
    for (const auto& [name, value] : tables) {
      const auto global = name_global(name, "tables");
      const auto* rows = value.if_array();
      if (rows == nullptr || rows->empty()) {
        fault(below("tables", name), fmt::format("{}:", std::string_view(name)), "must be a list of rows");
        continue;
      }
      json::array copy = *rows;
      for (std::size_t i = 0; i < rows->size(); ++i) {
        const auto* words = member_of((*rows)[i], "words");
        if (words == nullptr) continue;
        const auto id = out_.signals.add("", 1);
        add_words(id, *words, fmt::format("tables.{}[{}]", std::string_view(name), i));
        copy[i].get_object()["#signal"] = id;
        copy[i].get_object().erase("words");
      }
      out_.tables.emplace_back(global, std::move(copy));
    }
  }

  void read_facts(const json::object& facts) {
    for (const auto& [name, value] : facts) {
      const auto where = below("facts", name);
      auto made = shape(value, where);  // before it has its name: a fact uses those above it
      out_.facts.push_back({name_global(name, "facts"), std::move(made)});
    }
  }

  // Texts ---------------------------------------------------------------------------------------------------------------

  Shape text_shape(std::string_view text, const std::string& where) {
    Shape shape;
    try {
      if (text.starts_with('=')) {
        shape.kind = Shape::Kind::formula;
        shape.formula.emplace(text.substr(1), out_.scope);
        return shape;
      }
      Text made(text, out_.scope);
      if (made.plain()) {
        shape.constant = json::value(text);
        return shape;
      }
      shape.kind = Shape::Kind::text;
      shape.text.emplace(std::move(made));
    } catch (const FormulaFault& problem) {
      fault(where, std::string(text), problem.what());
      shape = Shape();
    }
    return shape;
  }

  Shape shape(const json::value& value, const std::string& where) {
    if (const auto* text = value.if_string()) return text_shape(*text, where);
    Shape made;
    if (const auto* list = value.if_array()) {
      made.kind = Shape::Kind::list;
      for (std::size_t i = 0; i < list->size(); ++i)
        made.parts.push_back(shape((*list)[i], fmt::format("{}[{}]", where, i)));
      return made;
    }
    const auto* object = value.if_object();
    if (object == nullptr) {
      made.constant = value;
      return made;
    }
    if (object->contains("give")) return directive(*object, where);
    if (object->contains("choose")) return choice(*object, where);
    made.kind = Shape::Kind::object;
    for (const auto& [name, member] : *object) {
      made.names.emplace_back(name);
      made.parts.push_back(shape(member, below(where, name)));
    }
    return made;
  }

  Shape choice(const json::object& object, const std::string& where) {
    auto made = shape(object.at("choose"), below(where, "choose"));
    if (made.kind != Shape::Kind::list || object.size() != 1) {
      fault(where, "choose:", "'choose' stands alone and holds a list: the first entry that gives something is taken");
    }
    made.kind = Shape::Kind::choose;
    return made;
  }

  std::unique_ptr<Shape> inner(const json::object& object, std::string_view name, const std::string& where) {
    const auto* value = object.if_contains(name);
    return value == nullptr ? nullptr : std::make_unique<Shape>(shape(*value, below(where, name)));
  }

  // A rule rather than a text: "= …" or a number.
  std::unique_ptr<Shape> rule(const json::object& object, std::string_view name, const std::string& where) {
    auto made = inner(object, name, where);
    if (made != nullptr && made->kind == Shape::Kind::constant && made->constant.is_string()) {
      fault(below(where, name), text_at(object.at(name)), fmt::format("'{}' must be a formula: begin it with =", name));
    }
    return made;
  }

  Shape directive(const json::object& object, const std::string& where) {
    for (const auto& member : object) known(where, member.key(), kDirectives);
    Shape made;
    made.kind = object.contains("each") ? Shape::Kind::each : Shape::Kind::when;
    if (const auto* few = object.if_contains("if_fewer_than")) {
      if (few->is_int64() && few->get_int64() > 0) {
        made.if_fewer_than = static_cast<std::size_t>(few->get_int64());
      } else {
        fault(where, "if_fewer_than:", "'if_fewer_than' must be a number, 1 or more");
      }
    }
    made.otherwise = inner(object, "else", where);
    if (made.kind == Shape::Kind::when) {
      made.condition = rule(object, "when", where);
      made.give = inner(object, "give", where);
      for (const std::string_view name : {"as", "order", "carry", "then", "most"}) {
        if (object.contains(name)) fault(where, fmt::format("{}:", name), fmt::format("'{}' needs 'each'", name));
      }
      return made;
    }
    made.over = rule(object, "each", where);
    made.most = rule(object, "most", where);
    const auto depth = out_.scope.locals.size();
    const auto as = object.contains("as") ? text_at(object.at("as")) : "item";
    check_name(as, where);
    out_.scope.locals.push_back(as);
    out_.scope.locals.emplace_back("index");
    read_carried(object, where, made);
    made.condition = rule(object, "when", where);
    made.order = rule(object, "order", where);
    made.give = inner(object, "give", where);
    read_next(object, where, made);
    out_.scope.locals.resize(depth);
    return made;
  }

  void read_carried(const json::object& object, const std::string& where, Shape& made) {
    const auto* carry = object.if_contains("carry");
    if (carry == nullptr) return;
    if (!carry->is_object()) return fault(where, "carry:", "'carry' must be a map of names and what they begin with");
    for (const auto& [name, value] : carry->get_object()) {
      made.carried.push_back(shape(value, below(where, "carry")));
      made.names.emplace_back(name);
    }
    for (const auto& name : made.names) {
      check_name(name, below(where, "carry"));
      out_.scope.locals.push_back(name);
    }
  }

  void read_next(const json::object& object, const std::string& where, Shape& made) {
    const auto* then = object.if_contains("then");
    const auto* map = then == nullptr ? nullptr : then->if_object();
    if (then != nullptr && map == nullptr) fault(where, "then:", "'then' must be a map of what is carried on");
    for (const auto& name : made.names) {
      const auto* value = map == nullptr ? nullptr : map->if_contains(name);
      if (value == nullptr) fault(where, "carry:", fmt::format("'then' does not say how '{}' goes on", name));
      made.next.push_back(value == nullptr ? Shape() : shape(*value, below(where, "then")));
    }
    if (map == nullptr) return;
    for (const auto& member : *map) known(below(where, "then"), member.key(), made.names);
  }

  AnalysisScript& out_;
  std::vector<ScriptFault>& faults_;
};

bool is_blank(const json::value& value) {
  return value.is_null() || (value.is_string() && base::trim(value.get_string()).empty());
}

// Values --------------------------------------------------------------------------------------------------------------

void add_to(json::array& list, json::value value, bool spread) {
  if (auto* more = value.if_array(); more != nullptr && spread) {
    for (auto& element : *more) {
      if (!is_blank(element)) list.push_back(std::move(element));
    }
  } else if (!is_blank(value)) {
    list.push_back(std::move(value));
  }
}

json::value list_value(const Shape& shape, Run& run) {
  json::array list;
  for (const auto& part : shape.parts) {
    if (part.if_fewer_than == 0) add_to(list, part.value(run), part.kind != Shape::Kind::list);
  }
  for (const auto& part : shape.parts) {
    if (part.if_fewer_than > list.size()) add_to(list, part.value(run), true);
  }
  return list;
}

// Numbers: the largest first. Texts: by the alphabet, and so dates by time. What has neither stands last.
bool stands_before(const json::value& a, const json::value& b) {
  if (a.is_string() && b.is_string()) return a.get_string() < b.get_string();
  const auto rank = [](const json::value& key) {
    return key.is_number() || key.is_bool() ? 0 : key.is_string() ? 1 : 2;
  };
  if (rank(a) != rank(b)) return rank(a) < rank(b);
  return rank(a) == 0 && number_of(a) > number_of(b);
}

struct Element {
  json::value value;
  json::value key;
  std::size_t place;
};

json::array elements_of(json::value value) {
  if (auto* list = value.if_array()) return std::move(*list);
  if (!is_something(value)) return {};
  return {std::move(value)};
}

json::value each_value(const Shape& shape, Run& run) {
  auto all = elements_of(shape.over->value(run));
  std::size_t most = all.size();
  if (shape.most != nullptr) {
    const auto limit = number_of(shape.most->value(run));
    most = limit > 0 ? static_cast<std::size_t>(std::min(limit, 1e6)) : 0;
  }
  const auto depth = run.locals.size();
  std::vector<json::value> carried;
  for (const auto& part : shape.carried) carried.push_back(part.value(run));
  run.locals.resize(depth + 2 + carried.size());
  const auto enter = [&](const json::value& element, std::size_t index) {
    run.step();
    run.locals[depth] = element;
    run.locals[depth + 1] = index;
    for (std::size_t i = 0; i < carried.size(); ++i) run.locals[depth + 2 + i] = carried[i];
  };
  std::vector<Element> chosen;
  for (std::size_t i = 0; i < all.size(); ++i) {
    enter(all[i], i + 1);
    if (shape.condition != nullptr && !is_something(shape.condition->value(run))) continue;
    auto key = shape.order == nullptr ? json::value() : shape.order->value(run);
    chosen.push_back({std::move(all[i]), std::move(key), i});
  }
  if (shape.order != nullptr) {
    std::sort(chosen.begin(), chosen.end(), [](const Element& a, const Element& b) {
      if (stands_before(a.key, b.key)) return true;
      return !stands_before(b.key, a.key) && a.place < b.place;
    });
  }
  json::array list;
  for (std::size_t i = 0, given = 0; i < chosen.size() && given < most; ++i) {
    enter(chosen[i].value, i + 1);
    auto made = shape.give->value(run);
    std::vector<json::value> next;
    for (const auto& part : shape.next) next.push_back(part.value(run));
    carried = std::move(next);
    given += is_blank(made) ? 0 : 1;
    add_to(list, std::move(made), shape.give->kind != Shape::Kind::list);
  }
  run.locals.resize(depth);
  if (list.empty() && shape.otherwise != nullptr) add_to(list, shape.otherwise->value(run), true);
  return list;
}

json::value when_value(const Shape& shape, Run& run) {
  if (shape.condition == nullptr || is_something(shape.condition->value(run))) return shape.give->value(run);
  return shape.otherwise == nullptr ? json::value() : shape.otherwise->value(run);
}

}  // namespace

json::value Shape::value(Run& run) const {
  run.step();
  switch (kind) {
    case Kind::constant: return constant;
    case Kind::formula: return formula->value(run);
    case Kind::text: return json::value(text->value(run));
    case Kind::list: return list_value(*this, run);
    case Kind::object: {
      json::object object;
      for (std::size_t i = 0; i < names.size(); ++i) object[names[i]] = parts[i].value(run);
      return object;
    }
    case Kind::each: return each_value(*this, run);
    case Kind::when: return when_value(*this, run);
    case Kind::choose:
      for (const auto& part : parts) {
        auto made = part.value(run);
        if (is_something(made) || made.is_number()) return made;
      }
      return nullptr;
  }
  return nullptr;
}

AnalysisScript read_analysis_script(const json::value& script, std::vector<ScriptFault>& faults) {
  AnalysisScript out;
  Reader(out, faults).run(script);
  return out;
}

}  // namespace llm::offline
