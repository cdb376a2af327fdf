#pragma once
// Signature Version 4: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
#include <chrono>
#include <mutex>
#include <string>
#include <string_view>

#include "aws/credentials.hpp"
#include "aws/hash.hpp"
#include "net/http_client.hpp"

namespace aws {

struct SigningOptions {
  bool normalize_path = true;       // false for S3, whose keys may hold "//" and "/../"
  bool says_content_hash = false;   // sends x-amz-content-sha256, as S3 demands
  bool signs_session_token = true;  // false: the token is sent without being signed
};

// What was computed on the way, for tests and for comparing with what a service says it computed. Holds no secret but,
// in a presigned request, the session token.
struct Signature {
  std::string canonical_request;
  std::string string_to_sign;
  std::string signature;
};

// Signs for one service in one region. Its answers depend on its arguments alone; it keeps the key derived last, which
// serves for a day, so that a signature costs three hashes. Any thread.
class Signer {
 public:
  Signer(std::string region, std::string service, SigningOptions options = {})
      : region_(std::move(region)), service_(std::move(service)), options_(options) {}

  // Adds the headers X-Amz-Date, Authorization and, with temporary credentials, X-Amz-Security-Token. All headers that
  // `request` has by then are signed but those that proxies may change. The target counts as it goes over the wire.
  Signature sign(net::HttpRequest& request, const Credentials& credentials, base::Time now);

  // Adds the signature to the query in place of headers, for an URL that somebody else calls.
  Signature presign(net::HttpRequest& request, const Credentials& credentials, base::Time now,
                    std::chrono::seconds valid_for);

  const std::string& region() const { return region_; }

 private:
  Digest key_for(const Credentials& credentials, std::string_view day);
  Signature compute(const net::HttpRequest& request, std::string_view body_hash, const Credentials& credentials,
                    std::string_view timestamp, std::string_view scope);

  const std::string region_;
  const std::string service_;
  const SigningOptions options_;
  std::mutex mutex_;  // guards the three below
  std::string day_;
  base::Secret secret_;
  Digest key_{};
};

}  // namespace aws
