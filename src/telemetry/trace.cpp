#include "telemetry/trace.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace telemetry {
namespace {

constexpr std::size_t kLength = 55;  // of version 00: 00-<32 digits>-<16 digits>-<2 digits>
constexpr std::uint8_t kSampledFlag = 0x01;

// Upper case is no hexadecimal here: the standard says so.
std::optional<std::uint8_t> digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  return std::nullopt;
}

// Fills `out` from as many pairs of digits.
bool read_hex(std::string_view text, std::span<std::uint8_t> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto high = digit(text[2 * i]);
    const auto low = digit(text[2 * i + 1]);
    if (!high || !low) return false;
    out[i] = static_cast<std::uint8_t>(*high << 4 | *low);
  }
  return true;
}

bool is_zero(std::span<const std::uint8_t> id) {
  return std::ranges::all_of(id, [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace

std::optional<TraceContext> parse_traceparent(std::string_view text) {
  if (text.size() < kLength || text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  TraceContext context;
  std::array<std::uint8_t, 1> version{};
  std::array<std::uint8_t, 1> flags{};
  const bool well_formed = read_hex(text, version) && read_hex(text.substr(3), context.trace_id) &&
                           read_hex(text.substr(36), context.span_id) && read_hex(text.substr(53), flags);
  if (!well_formed || version[0] == 0xff || is_zero(context.trace_id) || is_zero(context.span_id)) return std::nullopt;
  if (text.size() > kLength && (version[0] == 0 || text[kLength] != '-')) return std::nullopt;
  context.sampled = (flags[0] & kSampledFlag) != 0;
  return context;
}

std::string format_traceparent(const TraceContext& context) {
  return fmt::format("00-{}-{}-{}", to_hex(context.trace_id), to_hex(context.span_id), context.sampled ? "01" : "00");
}

std::string to_hex(std::span<const std::uint8_t> id) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(id.size() * 2);
  for (const auto byte : id) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 0xf]);
  }
  return text;
}

}  // namespace telemetry
