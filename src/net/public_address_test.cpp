#include "net/public_address.hpp"

#include <gtest/gtest.h>

namespace net {
namespace {

std::optional<std::string_view> judge(const char* text) { return why_not_public(boost::asio::ip::make_address(text)); }

TEST(PublicAddress, AreThoseOfTheInternet) {
  for (const auto* text : {"1.1.1.1",
                           "8.8.8.8",
                           "93.184.216.34",
                           "100.63.255.255",
                           "100.128.0.0",
                           "126.255.255.255",
                           "128.0.0.0",
                           "169.253.255.255",
                           "169.255.0.0",
                           "172.15.255.255",
                           "172.32.0.0",
                           "192.0.1.0",
                           "192.167.255.255",
                           "192.169.0.0",
                           "198.17.255.255",
                           "198.20.0.0",
                           "223.255.255.255",
                           "2606:4700::1111",
                           "2a00:1450:4001::200e",
                           "2001:4860:4860::8888",
                           "2002:0808:0808::1",
                           "::ffff:8.8.8.8",
                           "64:ff9b::808:808",
                           "3ffe::1"}) {
    EXPECT_EQ(judge(text), std::nullopt) << text;
  }
}

TEST(PublicAddress, AreNotThoseOfThisMachineItsNetworkOrNobody) {
  for (const auto* text : {"0.0.0.0",
                           "0.255.255.255",
                           "10.0.0.0",
                           "10.255.255.255",
                           "100.64.0.0",
                           "100.127.255.255",
                           "127.0.0.1",
                           "127.255.255.255",
                           "169.254.0.0",
                           "169.254.169.254",
                           "169.254.255.255",
                           "172.16.0.0",
                           "172.31.255.255",
                           "192.0.0.1",
                           "192.0.2.7",
                           "192.88.99.1",
                           "192.168.0.0",
                           "192.168.255.255",
                           "198.18.0.0",
                           "198.19.255.255",
                           "198.51.100.1",
                           "203.0.113.9",
                           "224.0.0.1",
                           "239.255.255.255",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::ffff:127.0.0.1",
                           "::ffff:169.254.169.254",
                           "::127.0.0.1",
                           "64:ff9b::7f00:1",
                           "64:ff9b:1::1",
                           "2002:7f00:1::1",
                           "2002:a9fe:a9fe::1",
                           "2001::1",
                           "2001:10::1",
                           "2001:1ff::1",
                           "2001:db8::1",
                           "3fff::1",
                           "3fff:fff::1",
                           "fc00::1",
                           "fd00:ec2::254",
                           "fe80::1",
                           "fec0::1",
                           "ff02::1",
                           "100::1",
                           "4000::1",
                           "5f00::1"}) {
    EXPECT_NE(judge(text), std::nullopt) << text;
  }
}

TEST(PublicAddress, NumbersInOddFormsAreFoundOut) {
  for (const auto* host : {"2130706433", "0x7f000001", "0x7f.1", "127.1", "017700000001", "127.0.0.1.", "1.2.3.0x4",
                           "127.0.0.01", "256.256.256.256", "example.123"}) {
    EXPECT_TRUE(is_odd_number_host(host)) << host;
  }
  for (const auto* host :
       {"127.0.0.1", "::1", "example.com", "1e100.net", "localhost", "123.example", "0x7f.example"}) {
    EXPECT_FALSE(is_odd_number_host(host)) << host;
  }
}

}  // namespace
}  // namespace net
