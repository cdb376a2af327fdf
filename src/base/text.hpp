#pragma once
// UTF-8 text from outside, and the type that keeps what people say out of logs.
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace base {

// Bytes of the well-formed sequence at the front of `text`, 0 when there is none.
std::size_t utf8_sequence_length(std::string_view text);
bool is_utf8(std::string_view text);             // well-formed by RFC 3629: no surrogates, no overlong forms
std::size_t count_characters(std::string_view);  // code points of well-formed UTF-8
std::string_view trim(std::string_view text);    // without ASCII and Unicode white space at both ends
std::string to_lower(std::string_view text);     // ASCII letters only
// At most so many bytes from the front, never cutting a character in half.
std::string_view prefix_bytes(std::string_view text, std::size_t max_bytes);
// The entry nearest in spelling to `text`, or "" when none is near: for "did you mean …?".
template <class Range>
std::string nearest(std::string_view text, const Range& known);
std::size_t edit_distance(std::string_view a, std::string_view b);

// What a person said or a model answered. There is no way from here into a log line, a metric label or a span: no
// stream operator, no formatter, no conversion. reveal() is for the store, the model and the answer to its owner.
class PrivateText {
 public:
  PrivateText() = default;
  explicit PrivateText(std::string text) : text_(std::move(text)) {}
  const std::string& reveal() const { return text_; }
  bool empty() const { return text_.empty(); }
  std::size_t size() const { return text_.size(); }
  void append(std::string_view more) { text_ += more; }
  bool operator==(const PrivateText&) const = default;

 private:
  std::string text_;
};

// A key or password: prints as "********".
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  const std::string& reveal() const { return text_; }
  bool empty() const { return text_.empty(); }
  bool operator==(const Secret&) const = default;

 private:
  std::string text_;
};

template <class Range>
std::string nearest(std::string_view text, const Range& known) {
  std::string best;
  std::size_t best_distance = text.size() / 3 + 2;
  for (const auto& candidate : known) {
    const auto distance = edit_distance(text, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace base
