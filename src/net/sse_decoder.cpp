#include "net/sse_decoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "net/failure.hpp"

namespace net {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

const SseEvent* SseDecoder::next() {
  std::string_view line;
  while (take_line(line)) {
    if (at_start_) {
      at_start_ = false;
      if (line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
    }
    const bool complete = line.empty() && dispatch();
    if (!line.empty()) take_field(line);
    if (in_partial_) partial_.clear();
    in_partial_ = false;
    if (complete) return &event_;
  }
  return nullptr;
}

bool SseDecoder::take_line(std::string_view& line) {
  if (after_cr_ && !rest_.empty()) {
    if (rest_.front() == '\n') rest_.remove_prefix(1);
    after_cr_ = false;
  }
  const auto* end = std::ranges::find_if(rest_, [](char c) { return c == '\n' || c == '\r'; });
  const auto length = static_cast<std::size_t>(end - rest_.begin());
  check_bound(partial_.size() + length + data_.size());
  if (length == rest_.size()) {
    partial_ += rest_;
    rest_ = {};
    return false;
  }
  line = rest_.substr(0, length);
  if (!partial_.empty()) {
    partial_ += line;
    line = partial_;
    in_partial_ = true;
  }
  after_cr_ = rest_[length] == '\r';
  rest_.remove_prefix(length + 1);
  return true;
}

void SseDecoder::take_field(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == 0) return;  // a comment
  const auto name = line.substr(0, colon);
  auto value = colon == line.npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "data") {
    if (has_data_) data_ += '\n';
    has_data_ = true;
    data_ += value;
  } else if (name == "event") {
    type_ = value;
  } else if (name == "id") {
    if (value.find('\0') == value.npos) id_ = value;
  } else if (name == "retry") {
    std::int64_t milliseconds = 0;
    const bool digits = !value.empty() && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
    const auto failed = std::from_chars(value.data(), value.data() + value.size(), milliseconds).ec;
    if (digits && failed == std::errc()) retry_ = std::chrono::milliseconds(milliseconds);
  }
}

bool SseDecoder::dispatch() {
  const bool complete = has_data_;
  if (complete) {
    event_.type = type_.empty() ? "message" : type_;
    std::swap(event_.data, data_);  // both keep their memory
    event_.id = id_;
    event_.retry = retry_;
    retry_.reset();
  }
  data_.clear();
  type_.clear();
  has_data_ = false;
  return complete;
}

void SseDecoder::check_bound(std::size_t bytes) const {
  if (bytes <= max_event_bytes_) return;
  throw failure(Stage::response, false,
                fmt::format("an event of the stream is larger than the allowed {} bytes", max_event_bytes_));
}

}  // namespace net
