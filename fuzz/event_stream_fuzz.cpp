// Any bytes as an event stream. Checksums are made right after most mutations: else nothing would get past them.
#include <boost/crc.hpp>
#include <cstdint>
#include <string>

#include "aws/event_stream.hpp"
#include "pieces.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

std::uint32_t number_at(const std::uint8_t* at) {
  return std::uint32_t{at[0]} << 24 | std::uint32_t{at[1]} << 16 | std::uint32_t{at[2]} << 8 | at[3];
}

void put_number(std::uint8_t* at, std::uint32_t number) {
  for (int i = 0; i < 4; ++i) at[i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
}

std::uint32_t checksum(const std::uint8_t* data, std::size_t size) {
  boost::crc_32_type crc;
  crc.process_bytes(data, size);
  return crc.checksum();
}

// Makes the checksums of the messages right, and the length of one that would go past the end.
void repair(std::uint8_t* data, std::size_t size) {
  while (size >= 16) {
    auto total = number_at(data);
    if (total < 16 || total > size) total = static_cast<std::uint32_t>(size);
    put_number(data, total);
    put_number(data + 8, checksum(data, 8));
    put_number(data + total - 4, checksum(data, total - 4));
    data += total;
    size -= total;
  }
}

void note(const aws::EventMessage& message, std::string& out) {
  for (const auto& [name, value] : message.headers) out.append(name).append("=").append(value).append(";");
  out.append(message.payload).append("\n");
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  size = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 8 != 0) repair(data, size);
  return size;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::expect_same_in_pieces<aws::EventStreamDecoder>(data, size, note);
  return 0;
}
