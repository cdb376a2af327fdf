#pragma once
// Incremental decoder of application/vnd.amazon.eventstream
// (https://smithy.io/2.0/aws/amazon-eventstream.html). Bytes may be split anywhere.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aws {

// One message; valid until the decoder's next call. Of the headers only the strings are kept: they carry all that
// Amazon's services say; the others are checked and skipped.
struct EventMessage {
  struct Header {
    std::string_view name;
    std::string_view value;
  };
  std::vector<Header> headers;
  std::string_view payload;

  std::string_view find(std::string_view name) const;  // "" when absent
};

// One stream, one thread.
//   decoder.feed(bytes);
//   while (const auto* message = decoder.next()) …
class EventStreamDecoder {
 public:
  // A payload may have 24 MiB and the headers 128 KiB; what claims to be larger than all of it together is no message.
  explicit EventStreamDecoder(std::size_t max_message_bytes = 25 * 1024 * 1024)
      : max_message_bytes_(max_message_bytes) {}

  // The bytes must stay where they are until next() has returned nullptr.
  void feed(std::string_view bytes) { rest_ = bytes; }
  // The next complete message; nullptr when more bytes are needed. Throws Error{dependency_unavailable} for a wrong
  // checksum, a length that cannot be or a broken header: the stream is lost then.
  const EventMessage* next();
  // Whether bytes of a message have come whose end has not: a stream must not end here.
  bool in_message() const { return !partial_.empty() || !rest_.empty(); }

 private:
  std::string_view take_message();  // "" when more bytes are needed
  std::size_t size_of(std::string_view prelude) const;
  void read_message(std::string_view bytes);

  std::size_t max_message_bytes_;
  std::string_view rest_;
  std::string partial_;  // the beginning of a message whose end has not come
  std::string whole_;  // a message that came in pieces
  EventMessage message_;
};

// A message of these, for tests and for servers in tests.
std::string encode_event_message(const std::vector<EventMessage::Header>& headers, std::string_view payload);

}  // namespace aws
