#pragma once
// Which addresses belong to the public Internet. What a stranger names as "my website" may lead there and nowhere else:
// not to this machine, its network, or a cloud's metadata service.
#include <boost/asio/ip/address.hpp>
#include <optional>
#include <string_view>

namespace net {

// nullopt for a public unicast address; else what it is, for a person: "a loopback address". By the registries of
// special-purpose addresses (RFC 6890 and its updates: https://www.iana.org/assignments/iana-ipv4-special-registry,
// …/iana-ipv6-special-registry). An IPv6 address that carries an IPv4 address (mapped, 6to4, NAT64) is what that one is.
std::optional<std::string_view> why_not_public(const boost::asio::ip::address& address);

// A host of digits and dots that is no plain dotted quad, such as 2130706433, 0x7f.1 or 017700000001: resolvers read
// them as addresses, each in its own way, so nobody should follow one.
bool is_odd_number_host(std::string_view host);

}  // namespace net
