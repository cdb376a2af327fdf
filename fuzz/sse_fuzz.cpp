// Any bytes as server-sent events.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "net/sse_decoder.hpp"
#include "pieces.hpp"

namespace {

struct Reading {
  net::SseDecoder decoder{1 << 20};
  std::string text;
  bool broken = false;

  void take(std::string_view bytes) {
    if (broken) return;
    try {
      decoder.feed(bytes);
      while (const auto* event = decoder.next()) {
        text += event->type + '|' + event->data + '|' + event->id + '|';
        if (event->retry) text += std::to_string(event->retry->count());
        text += '\n';
      }
    } catch (const base::Error& error) {
      broken = true;
      text += error.message;
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Reading whole;
  whole.take(bytes);
  Reading pieces;
  fuzz::in_pieces(bytes, [&](std::string_view piece) { pieces.take(piece); });
  if (whole.text != pieces.text || whole.broken != pieces.broken) std::abort();
  return 0;
}
