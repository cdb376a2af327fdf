#include "aws/event_stream.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.hpp"
#include "base/ids.hpp"

namespace aws {
namespace {

std::string from_hex(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return out;
}

// Made with another implementation of the protocol.
const std::string kStart = from_hex(
    "000000760000005296d5fade0b3a6576656e742d7479706507000c6d65737361676553746172740d3a636f6e74656e742d7479706507001061"
    "70"
    "706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b22726f6c65223a22617373697374616e74227d6f"
    "a8"
    "c599");
const std::string kThrottled = from_hex(
    "0000008800000061de0175f40f3a657863657074696f6e2d747970650700137468726f74746c696e67457863657074696f6e0d3a636f6e7465"
    "6e"
    "742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d74797065070009657863657074696f6e7b226d657373"
    "61"
    "6765223a22736c6f7720646f776e227d832ee072");

struct Message {
  std::string type;  // of the event or exception
  std::string payload;
  bool operator==(const Message&) const = default;
};

std::vector<Message> decode(std::string_view bytes, std::size_t piece,
                            EventStreamDecoder decoder = EventStreamDecoder()) {
  std::vector<Message> messages;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    const std::string copy(
        bytes.substr(at, piece));  // of exactly this size, so that a sanitizer sees what is read past it
    decoder.feed(copy);
    while (const auto* message = decoder.next()) {
      const auto kind = message->find(":message-type") == "event" ? ":event-type" : ":exception-type";
      messages.push_back({std::string(message->find(kind)), std::string(message->payload)});
    }
  }
  return messages;
}

std::string fault_of(std::string_view bytes) {
  try {
    decode(bytes, bytes.size());
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code, base::Code::dependency_unavailable);
    return error.message;
  }
  return "";
}

TEST(EventStream, ReadsMessagesHoweverTheyAreSplit) {
  const std::vector<Message> expected{{"messageStart", R"({"role":"assistant"})"},
                                      {"throttlingException", R"({"message":"slow down"})"},
                                      {"messageStart", R"({"role":"assistant"})"}};
  const auto bytes = kStart + kThrottled + kStart;
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) EXPECT_EQ(decode(bytes, piece), expected) << piece;
}

TEST(EventStream, WritesWhatOthersWrite) {
  EXPECT_EQ(encode_event_message(
                {{":event-type", "messageStart"}, {":content-type", "application/json"}, {":message-type", "event"}},
                R"({"role":"assistant"})"),
            kStart);
}

TEST(EventStream, TakesAMessageWithoutHeadersOrPayload) {
  EXPECT_EQ(encode_event_message({}, ""), from_hex("000000100000000005c248eb7d98c8ff"));
  EXPECT_EQ(decode(encode_event_message({}, ""), 16), (std::vector<Message>{{"", ""}}));
}

// A message with these bytes as its headers; lengths and checksums are right.
std::string with_header(std::string_view header) {
  auto built = encode_event_message({}, header);  // in the payload's place
  built[7] = static_cast<char>(header.size());
  const auto redo = [&](std::size_t end, std::size_t at) {
    // The checksum of any prefix stands at the end of a message of that prefix; CRC-32 bit by bit is short enough here.
    std::uint32_t crc = 0xffffffff;
    for (std::size_t i = 0; i < end; ++i) {
      crc ^= static_cast<unsigned char>(built[i]);
      for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    crc = ~crc;
    for (int i = 0; i < 4; ++i) built[at + static_cast<std::size_t>(i)] = static_cast<char>(crc >> (24 - 8 * i));
  };
  redo(8, 8);
  redo(built.size() - 4, built.size() - 4);
  return built;
}

TEST(EventStream, SkipsHeadersThatAreNoStrings) {
  using namespace std::string_literals;
  std::string headers;
  for (const auto& value :
       {"\x00"s, "\x01"s, "\x02\x07"s, "\x03\x01\x02"s, "\x04\x01\x02\x03\x04"s,
        "\x05\x01\x02\x03\x04\x05\x06\x07\x08"s, "\x06\x00\x02hi"s, "\x08\x01\x02\x03\x04\x05\x06\x07\x08"s,
        "\x09"
        "0123456789abcdef"s}) {
    headers += "\x01x" + value;
  }
  headers += "\x04last\x07\x00\x03yes"s;
  const auto bytes = with_header(headers);
  EventStreamDecoder decoder;
  decoder.feed(bytes);
  const auto* message = decoder.next();
  ASSERT_NE(message, nullptr);
  EXPECT_EQ(message->headers.size(), 1U);
  EXPECT_EQ(message->find("last"), "yes");
}

TEST(EventStream, RefusesBrokenHeaders) {
  using namespace std::string_literals;
  for (const auto& header : {"\x05x"s, "\x01x"s, "\x01x\x0a"s, "\x01x\x07\x00"s, "\x01x\x07\x00\x05yes"s,
                             "\x01x\x05"
                             "12"s}) {
    EXPECT_NE(fault_of(with_header(header)).find("header"), std::string::npos);
  }
}

TEST(EventStream, RefusesWhatWasDamagedOnTheWay) {
  for (std::size_t at = 0; at < kStart.size(); ++at) {
    auto damaged = kStart;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    EXPECT_NE(fault_of(damaged).find("checksum"), std::string::npos) << at;
  }
}

TEST(EventStream, RefusesLengthsThatCannotBe) {
  EXPECT_NE(fault_of(from_hex("0000000f00000000e77248b8") + "xxxx").find("shorter"), std::string::npos);
  const std::string large(1'000, 'x');
  EXPECT_EQ(decode(encode_event_message({}, large), 64, EventStreamDecoder(1'016)).size(), 1U);
  EXPECT_THROW(decode(encode_event_message({}, large), 64, EventStreamDecoder(1'015)), base::Error);
}

TEST(EventStream, KnowsThatItStandsInsideOfAMessage) {
  EventStreamDecoder decoder;
  EXPECT_FALSE(decoder.in_message());
  const auto half = kStart.substr(0, 50);
  decoder.feed(half);
  EXPECT_EQ(decoder.next(), nullptr);
  EXPECT_TRUE(decoder.in_message());
  const auto rest = kStart.substr(50);
  decoder.feed(rest);
  EXPECT_NE(decoder.next(), nullptr);
  EXPECT_EQ(decoder.next(), nullptr);
  EXPECT_FALSE(decoder.in_message());
}

// What fuzzing found, and began with: read whole and byte by byte with the same result.
TEST(EventStream, ReadsTheFuzzersCorpusTheSameInAnyPieces) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator("fuzz/corpus/event_stream")) {
    SCOPED_TRACE(entry.path().string());
    std::ifstream file(entry.path(), std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    ++files;
    const auto run = [&](std::size_t piece) -> std::vector<Message> {
      try {
        return decode(text.str(), piece);
      } catch (const base::Error& error) {
        return {{"error", error.message}};
      }
    };
    EXPECT_EQ(run(1), run(std::max<std::size_t>(text.str().size(), 1)));
  }
  EXPECT_GT(files, 0);
}

}  // namespace
}  // namespace aws
