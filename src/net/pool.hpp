#pragma once
// The connections of one io_context thread, by origin. No locks: everything here happens on that thread.
#include <boost/asio/io_context.hpp>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/connection.hpp"
#include "net/http_client.hpp"
#include "net/proxy.hpp"
#include "net/tls.hpp"

namespace net {

// What all threads share and none changes.
struct ClientSettings {
  ClientSettings(ClientOptions client_options, ProxyRules proxy_rules, std::uint64_t unique_id)
      : options(std::move(client_options)), proxies(std::move(proxy_rules)), trust(options.ca_file), id(unique_id) {}
  ClientOptions options;
  ProxyRules proxies;
  TlsTrust trust;
  std::uint64_t id;  // never used twice in a process
};

class Pool : public std::enable_shared_from_this<Pool> {
 public:
  Pool(boost::asio::io_context& context, std::shared_ptr<const ClientSettings> settings);
  // The pool of this client on that io_context; made on first use, gone with the io_context.
  static std::shared_ptr<Pool> of(boost::asio::io_context& context,
                                  const std::shared_ptr<const ClientSettings>& settings);

  struct Origin;

  // The right to one connection to an origin, and the connection. Going out of scope closes it.
  class Lease {
   public:
    Lease() = default;
    Lease(Lease&& other) noexcept { *this = std::move(other); }
    Lease& operator=(Lease&& other) noexcept;
    ~Lease() { release(); }
    void keep();  // back to the pool for the next one
    Connection* operator->() const { return connection.get(); }
    explicit operator bool() const { return origin != nullptr; }
    std::string_view origin_name() const;

    std::shared_ptr<Pool> pool;
    Origin* origin = nullptr;
    std::unique_ptr<Connection> connection;
    bool reused = false;

   private:
    friend class Pool;
    void release();
  };

  // An idle connection, or a new one when `may_reuse` is false or none is idle. Waits in line when the bound of the
  // origin is reached. `by` bounds all of it. Throws what failure() makes.
  base::Task<Lease> lease(const Url& url, TimePoint by, bool may_reuse);
  // Without waiting; an empty lease when that is not possible.
  Lease try_reuse(const Url& url);

  PoolStats stats() const;
  const ClientSettings& settings() const { return *settings_; }
  const Url* proxy_of(const Url& url) const { return settings_->proxies.proxy_for(url); }
  void shut_down();

 private:
  Origin& origin_of(const Url& url);
  Lease take_idle(Origin& origin);
  base::Task<void> wait_in_line(Origin& origin, const Url& url, TimePoint by);
  void free_place(Origin& origin);
  TimePoint drop_idle(TimePoint now);

  boost::asio::io_context& context_;
  std::shared_ptr<const ClientSettings> settings_;
  Deadlines deadlines_;
  bool shut_down_ = false;
  std::map<std::string, std::unique_ptr<Origin>, std::less<>> origins_;
  std::uint64_t opened_ = 0;
  std::uint64_t reused_ = 0;
};

// Looks the host up, connects, asks the proxy, shakes hands. Throws what failure() makes.
base::Task<void> connect(boost::asio::io_context& context, Connection& connection, const Url& url,
                         const ClientSettings& settings, TimePoint by);

// The one way an error of an operation on a connection becomes an exception: the time-out that caused it, the
// cancellation of the caller (boost::system::system_error), or `message`.
[[noreturn]] void fail(const Connection& connection, std::string_view origin, Stage stage,
                       boost::system::error_code why);

// "Proxy-Authorization: Basic …\r\n", or "" when the proxy's URL has no user.
std::string proxy_authorization(const Url& proxy);

}  // namespace net
