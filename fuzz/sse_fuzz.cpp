// Any bytes as server-sent events.
#include <cstdint>
#include <string>

#include "net/sse_decoder.hpp"
#include "pieces.hpp"

namespace {

void note(const net::SseEvent& event, std::string& out) {
  out += event.type + '|' + event.data + '|' + event.id + '|';
  if (event.retry) out += std::to_string(event.retry->count());
  out += '\n';
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::expect_same_in_pieces<net::SseDecoder>(data, size, note);
  return 0;
}
