#pragma once
// For tests: a client that sends any bytes, and an HTTP server with a small application behind it.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <string>
#include <string_view>

namespace http {

inline constexpr std::chrono::milliseconds kPatience{10'000};  // a test that waits longer has failed

struct Received {
  int status = 0;
  std::string head;
  std::string body;  // chunks joined
  bool has(std::string_view line) const { return head.find(line) != std::string::npos; }
};

class RawClient {
 public:
  explicit RawClient(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    const int one = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  }
  RawClient(RawClient&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)),
        connected_(other.connected_),
        received_(std::move(other.received_)) {}
  ~RawClient() { leave(); }

  void leave() {
    if (socket_ >= 0) close(std::exchange(socket_, -1));
  }
  bool connected() const { return connected_; }
  int native() const { return socket_; }

  // False when the server does not take it any more.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // Everything until the text has come, with it; stops at the end of the stream.
  std::string until(std::string_view text) {
    while (received_.find(text) == std::string::npos && more()) {
    }
    return take(std::min(received_.find(text), received_.size()) + text.size());
  }

  std::string exactly(std::size_t count) {
    while (received_.size() < count && more()) {
    }
    return take(count);
  }

  // True when the server ends the connection, having sent nothing more.
  bool ended() {
    while (more()) {
    }
    return received_.empty() && at_end_;
  }

  Received response(bool to_head = false) {
    Received got;
    do {
      got.head = until("\r\n\r\n");
      if (got.head.size() < 12) return got;
      std::from_chars(got.head.data() + 9, got.head.data() + 12, got.status);
    } while (got.status == 100);
    if (to_head) return got;
    if (got.has("Transfer-Encoding: chunked")) {
      while (true) {
        const auto chunk = next_chunk();
        if (chunk.empty()) return got;
        got.body += chunk;
      }
    }
    const auto length_at = got.head.find("Content-Length: ");
    if (length_at == std::string::npos) return got;
    got.body = exactly(static_cast<std::size_t>(std::atoi(got.head.c_str() + length_at + 16)));
    return got;
  }

  std::string next_chunk() {
    const auto line = until("\r\n");
    std::size_t size = 0;
    std::from_chars(line.data(), line.data() + line.size(), size, 16);
    auto bytes = exactly(size + 2);
    bytes.resize(std::min(bytes.size(), size));
    return bytes;
  }

  Received exchange(std::string_view bytes) {
    send(bytes);
    return response();
  }

 private:
  std::string take(std::size_t count) {
    auto taken = received_.substr(0, count);
    received_.erase(0, count);
    return taken;
  }

  bool more() {
    pollfd wait{socket_, POLLIN, 0};
    if (poll(&wait, 1, static_cast<int>(kPatience.count())) <= 0) {
      ADD_FAILURE() << "the server sent nothing for " << kPatience.count() << " ms";
      return false;
    }
    char bytes[16384];
    const auto got = recv(socket_, bytes, sizeof bytes, 0);
    if (got <= 0) {
      at_end_ = true;
      return false;
    }
    received_.append(bytes, static_cast<std::size_t>(got));
    return true;
  }

  int socket_;
  bool connected_ = false;
  bool at_end_ = false;
  std::string received_;
};

}  // namespace http
