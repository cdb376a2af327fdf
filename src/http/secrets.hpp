#pragma once
// The keys that tokens are signed with: from the configuration, or from a file that is read again when it changes.
#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/json.hpp"
#include "base/text.hpp"

namespace http {

// What section `auth` of the configuration holds.
struct AuthOptions {
  base::Secret secret;           // signs and verifies; at least 32 bytes
  base::Secret previous_secret;  // still verifies, so that a rotation logs nobody out; may be empty
  std::string secret_file;  // instead of the two: two lines (current, previous) or {"current": …, "previous": …}
  std::string issuer;  // when set, a token's `iss` must be this
  std::string audience;  // when set, a token's `aud` must be or contain this
  base::Milliseconds leeway{30'000};  // how far clocks may differ; at most 60 s
  base::Milliseconds cache_time{
      60'000};  // how long a verified token is believed without a new look; at most 60 s, 0 = off
  int cached_tokens = 10'000;  // how many are remembered (about 1 KB each)
};
BOOST_DESCRIBE_STRUCT(AuthOptions, (),
                      (secret, previous_secret, secret_file, issuer, audience, leeway, cache_time, cached_tokens))

inline constexpr std::size_t kMinKeyBytes = 32;  // RFC 7518, section 3.2: as long as the hash

struct Keys {
  base::Secret current;
  base::Secret previous;  // empty when there is none
};

// Both forms of a secret file. Throws Error{validation_error}; never repeats what is in the file.
Keys parse_keys(std::string_view text, std::string_view where);

// The keys in force. Any thread. A file is looked at (stat) at most once a second, by whichever thread asks first;
// when a changed file cannot be used, the keys read before stay in force and fault() says why.
class Secrets {
 public:
  // Throws Error{validation_error} when there is no key, one is too short, or both a secret and a file are given;
  // Error{dependency_unavailable} when the file cannot be read.
  Secrets(const AuthOptions& options, const base::Clock& clock);

  // Counts up whenever the keys change: what was verified under an older number is to be verified again.
  std::uint64_t generation();
  std::shared_ptr<const Keys> keys();
  // "" when all is well; else why the file in force is not the one on disk.
  std::string fault() const;

 private:
  struct Stamp {
    std::int64_t modified_ns = 0, changed_ns = 0;
    std::uint64_t inode = 0, size = 0;
    bool operator==(const Stamp&) const = default;
  };
  static Stamp stamp_of(const std::string& path);
  void look_at_file();

  const std::string file_;
  const base::Clock& clock_;
  std::atomic<std::int64_t> next_look_ms_{0};
  std::atomic<std::uint64_t> generation_{1};
  mutable std::mutex mutex_;  // guards the three below
  std::shared_ptr<const Keys> keys_;
  Stamp stamp_;
  std::string fault_;
};

// For development on a loopback address only: the key in `<data>/dev-secret`, made at the first start (48 random bytes,
// mode 0600, atomically, so that two servers starting at once agree on one). Throws Error{validation_error} when the
// file is open to others or is no key, Error{dependency_unavailable} when it cannot be read or written.
base::Secret load_or_create_development_secret(const std::filesystem::path& data, base::Random& random);

}  // namespace http
