#include "cli/terminal.hpp"

#include <fmt/format.h>
#include <histedit.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>

namespace cli {
namespace {

constexpr int kHistoryLines = 500;
volatile std::sig_atomic_t interrupted = 0;

extern "C" void note_interrupt(int) { interrupted = 1; }

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

std::size_t terminal_width() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return std::clamp<std::size_t>(size.ws_col, 30, 100);
}

}  // namespace

std::string Style::in(std::string_view code, std::string_view text) const {
  return colours ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

Style detect_style() {
  const bool terminal = isatty(STDOUT_FILENO) != 0;
  const char* kind = std::getenv("TERM");
  const bool dumb = kind == nullptr || std::string_view(kind) == "dumb";
  return {.colours = terminal && !dumb && !is_set("NO_COLOR"),
          .interactive = terminal && isatty(STDIN_FILENO) != 0,
          .width = terminal_width()};
}

std::string printable(std::string_view text) {
  const auto byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u; };
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool c1 = byte(i) == 0xC2 && byte(i + 1) >= 0x80 && byte(i + 1) < 0xA0;  // as UTF-8 has it
    const bool c0 = (byte(i) < 0x20 && text[i] != '\n' && text[i] != '\t') || byte(i) == 0x7F;
    out += c0 || c1 ? '?' : text[i];
    if (c1) ++i;
  }
  return out;
}

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

InterruptFlag::InterruptFlag() {
  interrupted = 0;
  struct sigaction action{};
  action.sa_handler = note_interrupt;  // no SA_RESTART: a waiting read() must end
  sigaction(SIGINT, &action, nullptr);
}

InterruptFlag::~InterruptFlag() { std::signal(SIGINT, SIG_DFL); }

bool InterruptFlag::raised() const { return interrupted != 0; }

void InterruptFlag::clear() { interrupted = 0; }

namespace {

// Colour codes take no column, which \1 before and after them tells libedit. It keeps such a sequence with the character
// that follows, so the last one stands before the spaces at the end.
std::string coloured(std::string_view prompt) {
  const auto end = prompt.find_last_not_of(' ') + 1;
  return fmt::format("\1\x1b[32m\1{}\1\x1b[0m\1{}", prompt.substr(0, end), prompt.substr(end));
}

}  // namespace

struct LineReader::Editor {
  std::string prompt;
  EditLine* line = nullptr;  // nullptr: plain input
  History* history = nullptr;
  HistEvent event{};

  static char* show_prompt(EditLine* edit_line) {
    void* self = nullptr;
    el_get(edit_line, EL_CLIENTDATA, &self);
    return static_cast<Editor*>(self)->prompt.data();
  }

  void start(bool colours) {
    std::setlocale(LC_CTYPE, "");  // libedit reads characters by the locale
    // Without one, as in most containers, the C library's own UTF-8 locale does.
    if (MB_CUR_MAX == 1) std::setlocale(LC_CTYPE, "C.UTF-8");
    line = el_init("purposepath", stdin, stdout, stderr);
    if (line == nullptr) return;
    history = history_init();
    ::history(history, &event, H_SETSIZE, kHistoryLines);
    ::history(history, &event, H_SETUNIQUE, 1);
    if (colours) prompt = coloured(prompt);
    el_set(line, EL_CLIENTDATA, this);
    el_set(line, EL_PROMPT_ESC, &show_prompt, '\1');
    el_set(line, EL_EDITOR, "emacs");
    el_set(line, EL_HIST, ::history, history);
    el_set(line, EL_SIGNAL, 0);
  }

  ~Editor() {
    if (history != nullptr) history_end(history);
    if (line != nullptr) el_end(line);
  }
};

LineReader::LineReader(const Style& style, std::string prompt) : editor_(std::make_unique<Editor>()) {
  editor_->prompt = std::move(prompt);
  if (style.interactive) editor_->start(style.colours);
}

LineReader::~LineReader() = default;

std::optional<std::string> LineReader::read() {
  std::string text;
  if (editor_->line == nullptr) {
    if (!std::getline(std::cin, text)) return std::nullopt;
    return text;
  }
  int length = 0;
  const char* line = el_gets(editor_->line, &length);
  if (line == nullptr || length <= 0) return std::nullopt;
  text.assign(line, static_cast<std::size_t>(length));
  if (text.ends_with('\n')) text.pop_back();
  remember(text);
  return text;
}

void LineReader::remember(const std::string& line) {
  if (editor_->history == nullptr || line.empty()) return;
  ::history(editor_->history, &editor_->event, H_ENTER, line.c_str());
}

}  // namespace cli
