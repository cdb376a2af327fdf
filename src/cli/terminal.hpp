#pragma once
// The terminal: its width, its colours, and reading a line with editing and history.
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace cli {

// How output looks. Colours only on a terminal and without NO_COLOR (https://no-color.org).
struct Style {
  bool colours = false;
  bool interactive = false;  // somebody is typing and reading
  std::size_t width = 80;    // columns for text; at most 100, longer lines are hard to read

  std::string bold(std::string_view text) const { return in("1", text); }
  std::string faint(std::string_view text) const { return in("2", text); }
  std::string coach(std::string_view text) const { return in("36", text); }
  std::string person(std::string_view text) const { return in("32", text); }
  std::string warning(std::string_view text) const { return in("33", text); }

 private:
  std::string in(std::string_view code, std::string_view text) const;
};

Style detect_style();

// What others wrote must not steer the terminal: control characters, C1's too, become '?'; line ends and tabs stay.
std::string printable(std::string_view text);

// Writes to standard output at once.
void print(std::string_view text);

// SIGINT sets a flag instead of ending the process, for as long as this lives. One at a time.
class InterruptFlag {
 public:
  InterruptFlag();
  ~InterruptFlag();
  InterruptFlag(const InterruptFlag&) = delete;
  InterruptFlag& operator=(const InterruptFlag&) = delete;

  bool raised() const;
  void clear();
};

// Lines from standard input: with emacs keys and history on a terminal (libedit), plainly otherwise.
class LineReader {
 public:
  LineReader(const Style& style, std::string prompt);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // Without the end of line. nullopt at the end of input and on Ctrl-C; InterruptFlag tells which.
  std::optional<std::string> read();
  // Adds a line to the history that the arrow keys go through. It is kept in memory alone: what people tell their coach
  // has no business in a file beside the database.
  void remember(const std::string& line);

 private:
  struct Editor;
  std::unique_ptr<Editor> editor_;
};

}  // namespace cli
