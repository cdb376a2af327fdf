#pragma once
// Structured logging: one JSON object a line. A field is a number, a flag or a name chosen by us; what people said
// (base::PrivateText) and secrets do not convert to a field.
#include <atomic>
#include <boost/describe.hpp>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.hpp"
#include "base/text.hpp"

namespace telemetry {

enum class Level { debug, info, warn, error };
BOOST_DESCRIBE_ENUM(Level, debug, info, warn, error)

struct Field {
  Field(std::string_view name, std::string_view text) : key(name), value(text) {}
  Field(std::string_view name, const char* text) : key(name), value(std::string_view(text)) {}
  Field(std::string_view name, const std::string& text) : key(name), value(std::string_view(text)) {}
  Field(std::string_view name, bool flag) : key(name), value(flag) {}
  Field(std::string_view name, double number) : key(name), value(number) {}
  template <class Integer>
    requires std::is_integral_v<Integer>
  Field(std::string_view name, Integer number) : key(name), value(static_cast<std::int64_t>(number)) {}
  // A text that is left out of the line when it is empty.
  static Field if_any(std::string_view name, std::string_view text) {
    Field field(name, text);
    if (text.empty()) field.value = std::monostate();
    return field;
  }
  Field(std::string_view name, const base::PrivateText&) = delete;
  Field(std::string_view name, const base::Secret&) = delete;

  std::string_view key;
  std::variant<std::string_view, std::int64_t, double, bool, std::monostate> value;
};

// Writes lines to a file descriptor from a thread of its own. The queue is bounded (bytes): beyond it lines are
// dropped and counted, because a stuck reader of our log must never stop a conversation. Any thread may write.
class Log {
 public:
  Log(int descriptor, Level level, const base::Clock& clock);
  ~Log();  // writes what is queued; gives up after 5 s when nobody takes it
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  bool enabled(Level level) const { return level >= level_.load(std::memory_order_relaxed); }
  void set_level(Level level) { level_.store(level, std::memory_order_relaxed); }
  // {"time":…,"level":…,"event":…, fields…}
  void write(Level level, std::string_view event, std::initializer_list<Field> fields);
  void flush();  // returns when everything written before is out, at the latest after 5 s
  std::uint64_t dropped() const;

 private:
  struct State;
  std::atomic<Level> level_;
  const base::Clock& clock_;
  std::shared_ptr<State> state_;
};

}  // namespace telemetry
