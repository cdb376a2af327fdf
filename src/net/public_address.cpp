#include "net/public_address.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>

namespace net {
namespace {

namespace ip = boost::asio::ip;

struct Block4 {
  std::uint32_t network;
  int prefix;
  std::string_view what;
};

constexpr std::uint32_t quad(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  return a << 24 | b << 16 | c << 8 | d;
}

constexpr std::array<Block4, 16> kBlocks4{{
    {quad(0, 0, 0, 0), 8, "an address of this network (RFC 791)"},
    {quad(10, 0, 0, 0), 8, "a private address (RFC 1918)"},
    {quad(100, 64, 0, 0), 10, "a shared address of a carrier (RFC 6598)"},
    {quad(127, 0, 0, 0), 8, "a loopback address (RFC 1122)"},
    {quad(169, 254, 0, 0), 16, "a link-local address (RFC 3927)"},
    {quad(172, 16, 0, 0), 12, "a private address (RFC 1918)"},
    {quad(192, 0, 0, 0), 24, "a protocol assignment (RFC 6890)"},
    {quad(192, 0, 2, 0), 24, "a documentation address (RFC 5737)"},
    {quad(192, 31, 196, 0), 24, "an address of AS112 (RFC 7535)"},
    {quad(192, 52, 193, 0), 24, "an AMT relay (RFC 7450)"},
    {quad(192, 88, 99, 0), 24, "a 6to4 relay (RFC 7526)"},
    {quad(192, 168, 0, 0), 16, "a private address (RFC 1918)"},
    {quad(198, 18, 0, 0), 15, "a benchmarking address (RFC 2544)"},
    {quad(198, 51, 100, 0), 24, "a documentation address (RFC 5737)"},
    {quad(203, 0, 113, 0), 24, "a documentation address (RFC 5737)"},
    {quad(224, 0, 0, 0), 3, "a multicast or reserved address (RFC 1112, RFC 5771)"},
}};

std::optional<std::string_view> why_not_public(const ip::address_v4& address) {
  for (const auto& block : kBlocks4) {
    if ((address.to_uint() ^ block.network) >> (32 - block.prefix) == 0) return block.what;
  }
  return std::nullopt;
}

using Bytes = ip::address_v6::bytes_type;

ip::address_v4 carried(const Bytes& bytes, std::size_t at) {
  return ip::address_v4(quad(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]));
}

bool begins(const Bytes& bytes, std::initializer_list<unsigned char> prefix) {
  return std::equal(prefix.begin(), prefix.end(), bytes.begin());
}

std::optional<std::string_view> why_not_public(const ip::address_v6& address) {
  const auto bytes = address.to_bytes();
  if (address.is_loopback()) return "the loopback address (RFC 4291)";
  if (address.is_unspecified()) return "the unspecified address (RFC 4291)";
  if (address.is_v4_mapped()) return why_not_public(carried(bytes, 12));
  if (begins(bytes, {0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0}))
    return why_not_public(carried(bytes, 12));  // NAT64
  if (begins(bytes, {0x20, 0x02})) return why_not_public(carried(bytes, 2));  // 6to4
  if (begins(bytes, {0x20, 0x01, 0x00, 0x00})) return "a Teredo address (RFC 4380)";
  if (begins(bytes, {0x20, 0x01}) && bytes[2] < 0x02) return "a protocol assignment (RFC 2928)";
  if (begins(bytes, {0x20, 0x01, 0x0d, 0xb8})) return "a documentation address (RFC 3849)";
  if (begins(bytes, {0x3f, 0xff}) && bytes[2] < 0x10) return "a documentation address (RFC 9637)";
  // Of all others only 2000::/3 has been given out (RFC 4291); link-local, unique local and multicast lie outside.
  if (bytes[0] >> 5 != 1) return "no public unicast address (RFC 4291)";
  return std::nullopt;
}

}  // namespace

std::optional<std::string_view> why_not_public(const ip::address& address) {
  return address.is_v4() ? why_not_public(address.to_v4()) : why_not_public(address.to_v6());
}

bool is_odd_number_host(std::string_view host) {
  boost::system::error_code not_plain;
  ip::make_address(host, not_plain);
  if (!not_plain) return false;
  const auto last = host.substr(host.rfind('.') + 1);  // the whole host when there is no dot
  if (last.empty()) return true;                       // "127.0.0.1."
  const bool digits = std::ranges::all_of(last, [](char c) { return c >= '0' && c <= '9'; });
  const bool hex = last.starts_with("0x") || last.starts_with("0X");
  return digits || hex;  // no top-level domain looks like this (WHATWG URL, "ends in a number")
}

}  // namespace net
