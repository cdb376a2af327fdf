#include "aws/event_stream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/crc.hpp>
#include <optional>

#include "net/failure.hpp"

namespace aws {
namespace {

constexpr std::size_t kPreludeBytes = 12;  // total length, headers' length, checksum of these two
constexpr std::size_t kChecksumBytes = 4;
constexpr std::uint8_t kString = 7;

std::uint32_t checksum(std::string_view bytes) {
  boost::crc_32_type crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

std::uint32_t number_at(std::string_view bytes, std::size_t at, std::size_t size = 4) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < size; ++i) number = number << 8 | static_cast<unsigned char>(bytes[at + i]);
  return number;
}

[[noreturn]] void broken(std::string_view what) {
  throw net::failure(net::Stage::response, false, fmt::format("the event stream is broken: {}", what));
}

// Takes `size` bytes from the front.
std::string_view take(std::string_view& bytes, std::size_t size) {
  if (bytes.size() < size) broken("a header is cut off");
  const auto taken = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return taken;
}

// The bytes of a value by its type; nullopt where a length of two bytes says it.
std::optional<std::size_t> value_size(std::uint8_t type) {
  switch (type) {
    case 0:
    case 1: return 0;  // true, false
    case 2: return 1;
    case 3: return 2;
    case 4: return 4;
    case 5:
    case 8: return 8;  // a number, a time
    case 6:
    case kString: return std::nullopt;
    case 9: return 16;  // a UUID
    default: broken("a header has a type that is not known");
  }
}

void read_headers(std::string_view bytes, std::vector<EventMessage::Header>& out) {
  out.clear();
  while (!bytes.empty()) {
    const auto name = take(bytes, number_at(take(bytes, 1), 0, 1));
    const auto type = static_cast<std::uint8_t>(take(bytes, 1).front());
    const auto fixed = value_size(type);
    const auto value = take(bytes, fixed ? *fixed : number_at(take(bytes, 2), 0, 2));
    if (type == kString) out.push_back({name, value});
  }
}

void append_number(std::string& out, std::size_t number, int bytes = 4) {
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(number >> (8 * i) & 0xff);
}

}  // namespace

std::string_view EventMessage::find(std::string_view name) const {
  const auto found = std::ranges::find(headers, name, &Header::name);
  return found != headers.end() ? found->value : std::string_view();
}

const EventMessage* EventStreamDecoder::next() {
  const auto bytes = take_message();
  if (bytes.empty()) return nullptr;
  read_message(bytes);
  return &message_;
}

std::string_view EventStreamDecoder::take_message() {
  if (partial_.empty() && rest_.size() >= kPreludeBytes) {  // usual: a message in one piece, not copied
    const auto size = size_of(rest_);
    if (rest_.size() >= size) return take(rest_, size);
  }
  const auto fill = [this](std::size_t size) {
    if (partial_.size() < size) partial_ += take(rest_, std::min(size - partial_.size(), rest_.size()));
    return partial_.size() >= size;
  };
  if (!fill(kPreludeBytes) || !fill(size_of(partial_))) return {};
  std::swap(whole_, partial_);
  partial_.clear();
  return whole_;
}

std::size_t EventStreamDecoder::size_of(std::string_view prelude) const {
  // The checksum comes first: a length that was damaged on the way must not make us wait for what never comes.
  if (number_at(prelude, 8) != checksum(prelude.substr(0, 8))) broken("a length's checksum is wrong");
  const std::size_t total = number_at(prelude, 0);
  const std::size_t headers = number_at(prelude, 4);
  if (total > max_message_bytes_) broken(fmt::format("a message of more than {} bytes", max_message_bytes_));
  if (total < kPreludeBytes + kChecksumBytes + headers) broken("a message is shorter than its headers");
  return total;
}

void EventStreamDecoder::read_message(std::string_view bytes) {
  const auto body = bytes.substr(0, bytes.size() - kChecksumBytes);
  if (number_at(bytes, body.size()) != checksum(body)) broken("a message's checksum is wrong");
  const std::size_t headers = number_at(bytes, 4);
  read_headers(body.substr(kPreludeBytes, headers), message_.headers);
  message_.payload = body.substr(kPreludeBytes + headers);
}

std::string encode_event_message(const std::vector<EventMessage::Header>& headers, std::string_view payload) {
  std::string head;
  for (const auto& [name, value] : headers) {
    append_number(head, name.size(), 1);
    head.append(name).append(1, static_cast<char>(kString));
    append_number(head, value.size(), 2);
    head.append(value);
  }
  std::string out;
  append_number(out, kPreludeBytes + head.size() + payload.size() + kChecksumBytes);
  append_number(out, head.size());
  append_number(out, checksum(out));
  out.append(head).append(payload);
  append_number(out, checksum(out));
  return out;
}

}  // namespace aws
