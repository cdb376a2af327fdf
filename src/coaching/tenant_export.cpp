#include "coaching/tenant_export.hpp"

#include <fmt/format.h>

#include <boost/asio/post.hpp>

#include "coaching/ledger.hpp"
#include "coaching/records.hpp"
#include "coaching/tenants.hpp"
#include "coaching/topic_records.hpp"

namespace coaching {
namespace {

using base::Task;

constexpr std::size_t kPage = 200;
constexpr std::size_t kBatchBytes = 64 * 1024;

// A partition of a tenant whose items are exported as they are. A new kind of thing that a tenant has is a line here.
struct Shelf {
  std::string_view kind;
  std::string_view partition;  // before the tenant's part of the key
};
constexpr std::array kShelves{Shelf{"audit_entry", "audit#"}, Shelf{"raw_answer", "raw#"},
                              Shelf{"business", "business#"}};

class Exporter {
 public:
  Exporter(store::Store& store, std::string tenant, ExportSink sink)
      : store_(store), tenant_(std::move(tenant)), sink_(std::move(sink)) {}

  Task<> run(base::Time now) {
    co_await write(
        {{"kind", "export"}, {"tenant_id", tenant_}, {"exported_at", base::format_time(now)}, {"format", 1}});
    for (const auto& user : co_await all_users(store_, tenant_)) co_await export_user({tenant_, user});
    co_await export_topics();
    co_await export_usage();
    for (const auto& shelf : kShelves) {
      co_await each(fmt::format("{}{}", shelf.partition, key_part(tenant_)), [&](const store::Item& item) -> Task<> {
        co_await write({{"kind", shelf.kind}, {"data", base::parse_json(item.body, 64)}});
      });
    }
    co_await write({{"kind", "end"}, {"lines", lines_ + 1}});
    co_await flush();
  }

 private:
  using OnItem = std::function<Task<>(const store::Item&)>;

  Task<> each(std::string partition, const OnItem& on_item) {
    const auto executor = co_await boost::asio::this_coro::executor;
    store::Query query;
    query.partition = std::move(partition);
    query.limit = kPage;
    for (bool more = !gone_; more && !gone_;) {
      const auto page = co_await store_.query(query);
      for (const auto& item : page.items) co_await on_item(item);
      more = page.more;
      if (more) query.after = page.items.back().key.sort;
      co_await boost::asio::post(executor, boost::asio::use_awaitable);  // others wait on this thread
    }
  }

  Task<> export_user(Owner owner) {
    co_await write({{"kind", "user"}, {"user_id", owner.user_id}});
    co_await each(user_partition(owner), [&](const store::Item& item) -> Task<> {
      const std::string_view sort = item.key.sort;
      if (sort.starts_with("active#")) co_return;  // which conversation is the open one: each says that itself
      if (sort.starts_with("anls#")) co_return;  // a list of the analyses, which come whole as "analysis#"
      if (sort.starts_with("anls_idem#")) co_return;  // hashes of keys that clients made up
      if (sort.starts_with("conv#")) {
        co_await export_conversation(record_of<Entry>(item).conversation_id);
      } else {
        co_await write({{"kind", sort.substr(0, sort.find('#'))},
                        {"user_id", owner.user_id},
                        {"data", base::parse_json(item.body, 64)}});
      }
    });
  }

  Task<> export_conversation(std::string conversation_id) {
    co_await each(conversation_key(conversation_id).partition, [&](const store::Item& item) -> Task<> {
      const std::string_view sort = item.key.sort;
      if (sort.starts_with("idem#")) co_return;  // hashes of keys that clients made up
      auto kind = sort.substr(0, sort.find('#'));
      if (kind == "msg") kind = "message";
      co_await write({{"kind", kind}, {"conversation_id", conversation_id}, {"data", base::parse_json(item.body, 64)}});
    });
  }

  Task<> export_topics() {
    std::vector<std::string> ids;
    co_await each(pointer_key(tenant_, "").partition, [&](const store::Item& item) -> Task<> {
      ids.push_back(item.key.sort);
      co_await write({{"kind", "topic"}, {"data", base::parse_json(item.body)}});
    });
    for (const auto& id : ids) {
      co_await each(version_key({id, tenant_, 0}).partition, [&](const store::Item& item) -> Task<> {
        const bool files = item.key.sort.starts_with("f#");
        const auto number = std::stoll(item.key.sort.substr(2));
        co_await write({{"kind", files ? "topic_files" : "topic_version"},
                        {"topic", id},
                        {"version", number},
                        {"data", base::parse_json(item.body)}});
      });
    }
  }

  Task<> export_usage() {
    co_await each(books_partition(tenant_), [&](const store::Item& item) -> Task<> {
      const auto key = books_key_of(item.key.sort);
      const auto& counted = item.counters;
      co_await write({{"kind", "usage"},
                      {"data",
                       {{"day", key.day},
                        {"user_id", key.user_id},
                        {"topic", key.topic},
                        {"model", key.model},
                        {"calls", counted[kCalls]},
                        {"prompt_tokens", counted[kPromptTokens]},
                        {"completion_tokens", counted[kCompletionTokens]},
                        {"cached_tokens", counted[kCachedTokens]},
                        {"cost_micro_usd", counted[kMicroUsd]}}}});
    });
  }

  Task<> write(base::json::object line) {
    base::append_json_value(batch_, line);
    batch_ += '\n';
    ++lines_;
    if (batch_.size() >= kBatchBytes) co_await flush();
  }

  Task<> flush() {
    if (gone_ || batch_.empty()) co_return;
    gone_ = !co_await sink_(std::exchange(batch_, {}));
  }

  store::Store& store_;
  std::string tenant_;
  ExportSink sink_;
  std::string batch_;
  std::int64_t lines_ = 0;
  bool gone_ = false;
};

}  // namespace

Task<> export_tenant(store::Store& store, std::string tenant_id, base::Time now, ExportSink sink) {
  Exporter exporter(store, std::move(tenant_id), std::move(sink));
  co_await exporter.run(now);
}

}  // namespace coaching
