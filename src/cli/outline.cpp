#include "cli/outline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "base/json.hpp"
#include "cli/terminal.hpp"
#include "cli/wrap.hpp"

namespace cli {
namespace {

namespace json = base::json;

std::string scalar_text(const json::value& value) {
  if (value.is_null()) return "-";
  if (value.is_bool()) return value.get_bool() ? "yes" : "no";
  return value.is_string() ? printable(value.get_string()) : base::write_json(value);
}

bool is_plain(const json::value& value) { return !value.is_object() && !value.is_array(); }

bool is_empty(const json::value& value) {
  return value.is_null() || (value.is_string() && value.get_string().empty()) ||
         (value.is_array() && value.get_array().empty()) || (value.is_object() && value.get_object().empty());
}

bool is_score(const json::value& value) {
  if (!value.is_number()) return false;
  const auto number = value.to_number<double>();
  return number >= 0 && number <= 100;
}

bool holds_scores(std::string_view name, const json::value& member) {
  return name == "scores" && member.is_object() &&
         std::ranges::all_of(member.get_object(), [](const auto& score) { return is_score(score.value()); });
}

std::string bar(const json::value& score) {
  constexpr int kCells = 20;
  const auto full = static_cast<int>(score.to_number<double>() * kCells / 100 + 0.5);
  std::string text;
  for (int i = 0; i < kCells; ++i) text += i < full ? "█" : "░";
  return text;
}

// A list of things whose members are all short, but for one at most: that one stands last, and is wrapped.
struct Table {
  struct Column {
    std::string_view name;
    std::size_t width;
  };
  std::vector<Column> columns;
};

constexpr std::size_t kGap = 2;
constexpr std::size_t kWidestCell = 20;
constexpr std::size_t kNarrowestText = 24;

bool is_row(const json::value& element, const json::object& first) {
  const auto* row = element.if_object();
  return row != nullptr && row->size() == first.size() && std::ranges::all_of(*row, [&](const auto& member) {
           return first.contains(member.key()) && is_plain(member.value());
         });
}

std::optional<Table> table_of(const json::array& list, std::size_t width) {
  const auto* first = list.size() >= 2 ? list.front().if_object() : nullptr;
  if (first == nullptr || first->size() < 2) return {};
  if (!std::ranges::all_of(list, [&](const auto& element) { return is_row(element, *first); })) return {};
  Table table;
  std::optional<Table::Column> text;
  std::size_t taken = 0;
  for (const auto& member : *first) {
    Table::Column column{member.key(), columns(label(member.key()))};
    for (const auto& row : list) column.width = std::max(column.width, columns(scalar_text(row.at(column.name))));
    if (column.width > kWidestCell) {
      if (text) return {};
      text = column;
    } else {
      table.columns.push_back(column);
      taken += column.width + kGap;
    }
  }
  if (taken + (text ? kNarrowestText : 0) > width) return {};
  if (text) table.columns.push_back({text->name, std::min(text->width, width - taken)});
  return table;
}

class Outline {
 public:
  explicit Outline(std::size_t width) : width_(width) {}

  void add(const json::value& value, std::size_t indent) {
    if (value.is_object()) {
      for (const auto& [name, member] : value.get_object()) add_member(name, member, indent);
    } else if (value.is_array()) {
      add_list(value.get_array(), indent);
    } else {
      line("", scalar_text(value), indent);
    }
  }

  std::string take() { return std::move(text_); }

 private:
  void line(std::string_view start, std::string_view text, std::size_t indent) {
    text_.append(indent, ' ');
    text_ += start;
    // Text goes on under where it began, unless a long heading would squeeze it to the right edge.
    const auto hang = indent + std::min<std::size_t>(columns(start), 4);
    const auto first = indent + columns(start);
    WordWrap words(width_, hang);
    const std::string shift(first - hang, 'x');
    auto wrapped = words.feed(shift + std::string(text));
    wrapped += words.finish();
    text_ += wrapped.substr(shift.size());
    text_ += '\n';
  }

  void add_member(std::string_view name, const json::value& member, std::size_t indent) {
    if (is_empty(member)) return;
    if (name.ends_with("score") && is_score(member)) {
      line(label(name) + ": ", scalar_text(member) + "  " + bar(member), indent);
    } else if (is_plain(member)) {
      line(label(name) + ": ", scalar_text(member), indent);
    } else {
      line("", label(name), indent);
      holds_scores(name, member) ? add_scores(member.get_object(), indent + 2) : add(member, indent + 2);
    }
  }

  void add_scores(const json::object& scores, std::size_t indent) {
    std::size_t widest = 0;
    for (const auto& score : scores) widest = std::max(widest, columns(label(score.key())));
    for (const auto& [name, score] : scores) {
      text_ += fmt::format("{:{}}{:<{}}  {:>3}  {}\n", "", indent, label(name), widest, scalar_text(score), bar(score));
    }
  }

  void add_list(const json::array& list, std::size_t indent) {
    if (const auto table = table_of(list, width_ - std::min(indent, width_))) return add_table(*table, list, indent);
    for (const auto& element : list) add_element(element, indent);
  }

  void add_table(const Table& table, const json::array& list, std::size_t indent) {
    const auto add_row = [&](const auto& text_of) {
      std::string row(indent, ' ');
      for (const auto& column : table.columns) {
        const auto at = columns(row);
        if (&column == &table.columns.back()) {
          row += wrap(text_of(column.name), width_, at);
        } else {
          row += text_of(column.name);
          row.append(at + column.width + kGap - columns(row), ' ');
        }
      }
      text_ += row + '\n';
    };
    add_row([](std::string_view name) { return label(name); });
    for (const auto& element : list) {
      add_row([&](std::string_view name) { return scalar_text(element.at(name)); });
    }
  }

  void add_element(const json::value& element, std::size_t indent) {
    if (is_plain(element)) return line("- ", scalar_text(element), indent);
    const auto heading = heading_of(element);
    line(heading.empty() ? "*" : "* ", heading.empty() ? "" : scalar_text(element.at(heading)), indent);
    if (!element.is_object()) return add(element, indent + 4);
    for (const auto& [name, member] : element.get_object()) {
      if (name != heading) add_member(name, member, indent + 4);
    }
  }

  // The member that says what the element is: its name, or else its first text.
  static std::string_view heading_of(const json::value& element) {
    const auto* object = element.if_object();
    if (object == nullptr) return {};
    if (const auto* name = object->if_contains("name"); name != nullptr && is_plain(*name)) return "name";
    const auto text = std::ranges::find_if(
        *object, [](const auto& member) { return member.value().is_string() && !member.value().get_string().empty(); });
    return text == object->end() ? std::string_view() : std::string_view(text->key());
  }

  std::size_t width_;
  std::string text_;
};

}  // namespace

std::string label(std::string_view name) {
  std::string text(name);
  std::ranges::replace(text, '_', ' ');
  if (!text.empty() && text.front() >= 'a' && text.front() <= 'z') {
    text.front() = static_cast<char>(text.front() - 'a' + 'A');
  }
  return text;
}

std::string outline(const json::value& value, std::size_t width) {
  Outline lines(width);
  lines.add(value, 0);
  return lines.take();
}

}  // namespace cli
