#pragma once
// The certificates we trust, loaded when the first TLS connection is made: start-up does not wait for them.
#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <mutex>
#include <string>

namespace net {

class TlsTrust {
 public:
  // The system's authorities, or what SSL_CERT_FILE and SSL_CERT_DIR name, and those in `ca_file` (PEM, "" for none).
  explicit TlsTrust(std::string ca_file) : ca_file_(std::move(ca_file)) {}

  // TLS 1.2 or newer, peers verified. Any thread. Throws Error{dependency_unavailable} (stage tls) when `ca_file`
  // cannot be read; the next call tries again.
  boost::asio::ssl::context& context() const;

 private:
  std::string ca_file_;
  mutable std::mutex mutex_;
  mutable std::unique_ptr<boost::asio::ssl::context> context_;
};

}  // namespace net
