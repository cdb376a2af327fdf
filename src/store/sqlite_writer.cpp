#include "store/sqlite_writer.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <sqlite3.h>

#include <boost/asio/async_result.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <iterator>

#include "store/limits.hpp"

namespace store::sqlite {

namespace asio = boost::asio;

namespace {

constexpr std::string_view kTransactions = "purposepath_store_transactions_total";
constexpr std::string_view kTransactionsHelp = "Transactions of the store by outcome.";
const std::vector<double> kGroupBounds{1, 2, 4, 8, 16, 32, 64, 128, 256, 512};

base::Error too_busy(const SqliteOptions& options) {
  base::Error error(
      base::Code::dependency_unavailable,
      fmt::format("The store is too busy: no place in its queue within {} ms. Try again.", options.queue_wait.count()),
      {{"reason", "too busy"}, {"file", options.path}});
  error.retry_after = std::chrono::seconds(1);
  return error;
}

int tell_log_pages(void* checkpoints, sqlite3*, const char*, int pages) {
  static_cast<Checkpoints*>(checkpoints)->log_has(pages);
  return SQLITE_OK;
}

}  // namespace

Writer::Writer(Connection& connection, const SqliteOptions& options, const base::Clock& clock,
               telemetry::Registry& metrics, telemetry::Log& log, Fault& fault, Checkpoints& checkpoints)
    : connection_(connection),
      options_(options),
      clock_(clock),
      log_(log),
      fault_(fault),
      checkpoints_(checkpoints),
      committed_(metrics.counter(kTransactions, kTransactionsHelp, {{"outcome", "committed"}})),
      refused_(metrics.counter(kTransactions, kTransactionsHelp, {{"outcome", "refused"}})),
      failed_(metrics.counter(kTransactions, kTransactionsHelp, {{"outcome", "failed"}})),
      swept_(metrics.counter("purposepath_store_swept_items_total", "Expired items deleted from the store.")),
      commit_seconds_(metrics.histogram("purposepath_store_commit_seconds", "Duration of a group's commit.")),
      group_size_(metrics.histogram("purposepath_store_group_transactions", "Transactions committed together.", {},
                                    kGroupBounds)),
      queue_length_(metrics.gauge("purposepath_store_queue_transactions", "Transactions that waited for this commit.")),
      table_(connection),
      begin_(connection, "BEGIN IMMEDIATE"),
      commit_(connection, "COMMIT"),
      next_sweep_(clock.now() + options.sweep_interval) {
  sqlite3_wal_hook(connection.handle(), tell_log_pages, &checkpoints_);
  thread_ = std::thread([this] { run(); });
}

Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

base::Task<Outcome> Writer::transact(std::vector<Write> writes) { return submit(std::move(writes), Kind::transaction); }

base::Task<> Writer::probe() { co_await submit({}, Kind::probe); }

base::Task<Outcome> Writer::submit(std::vector<Write> writes, Kind kind) {
  if (kind == Kind::transaction) check_writes(writes);
  std::size_t bytes = 0;
  for (const auto& write : writes) bytes += bytes_of(write);
  constexpr std::chrono::milliseconds kLook{5};
  const auto deadline = std::chrono::steady_clock::now() + options_.queue_wait;
  while (!reserve(bytes)) {
    if (std::chrono::steady_clock::now() >= deadline) throw too_busy(options_);
    asio::steady_timer timer(co_await asio::this_coro::executor, kLook);
    co_await timer.async_wait(asio::use_awaitable);
  }
  auto request = std::make_unique<Request>();
  request->kind = kind;
  request->writes = std::move(writes);
  request->bytes = bytes;
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr, Outcome)>(
      [this](auto handler, std::unique_ptr<Request> waiting) {
        // The executor's run() must not return while we owe it an outcome.
        waiting->executor =
            asio::prefer(asio::get_associated_executor(handler), asio::execution::outstanding_work.tracked);
        waiting->done = std::move(handler);
        push(std::move(waiting));
      },
      asio::use_awaitable, std::move(request));
}

bool Writer::reserve(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  const bool room = queued_ < static_cast<std::size_t>(options_.queue_transactions) &&
                    queued_bytes_ + bytes <= static_cast<std::size_t>(options_.queue_bytes);
  if (!room && queued_ > 0) return false;
  ++queued_;
  queued_bytes_ += bytes;
  return true;
}

void Writer::push(std::unique_ptr<Request> request) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(request));
    wake = std::exchange(idle_, false);
  }
  if (wake) wake_.notify_one();
}

void Writer::run() {
  pthread_setname_np(pthread_self(), "store-writer");
  Group group;
  while (take(group)) {
    commit(group);
    deliver(group);
    if (checkpoints_.writer_should_finish()) checkpoints_.finish(connection_);
  }
}

bool Writer::take(Group& group) {
  group.clear();
  std::unique_lock lock(mutex_);
  if (queue_.empty() && !closing_ && !sweep_due()) {
    idle_ = true;
    wake_.wait_for(lock, options_.sweep_interval, [&] { return !queue_.empty() || closing_; });
    idle_ = false;
  }
  if (queue_.empty()) return !closing_;
  queue_length_.set(static_cast<double>(queue_.size()));
  const auto number = std::min(queue_.size(), static_cast<std::size_t>(options_.group_transactions));
  if (number == queue_.size()) {
    std::swap(group, queue_);
  } else {
    const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(number);
    group.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
    queue_.erase(queue_.begin(), end);
  }
  queued_ -= group.size();
  for (const auto& request : group) queued_bytes_ -= request->bytes;
  return true;
}

void Writer::commit(Group& group) {
  const auto began = std::chrono::steady_clock::now();
  answer_probes(group);
  try {
    apply(group);
  } catch (const base::Error& error) {
    connection_.roll_back();
    fail(group, error);
    return;
  } catch (const std::exception& error) {  // out of memory
    connection_.roll_back();
    fail(group, base::Error(base::Code::internal_error, fmt::format("The store's writer failed: {}", error.what())));
    return;
  }
  if (group.empty()) return;
  commit_seconds_.observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  group_size_.observe(static_cast<double>(group.size()));
  const auto committed = std::ranges::count_if(group, [](const auto& r) { return r->outcome.committed(); });
  committed_.add(static_cast<double>(committed));
  refused_.add(static_cast<double>(std::ssize(group) - committed));
}

void Writer::apply(Group& group) {
  const auto now_s = std::chrono::floor<std::chrono::seconds>(clock_.now()).time_since_epoch().count();
  begin_.run();
  for (const auto& request : group) {
    if (request->kind == Kind::transaction) request->outcome = table_.apply(request->writes, now_s);
  }
  sweep_if_due();
  commit_.run();
}

// A probe that fails must not take others with it: on a full disk they may be deleting.
void Writer::answer_probes(Group& group) {
  constexpr std::size_t kProbeBytes = 65'536;
  for (const auto& request : group) {
    if (request->kind != Kind::probe) continue;
    try {
      connection_.execute(fmt::format("INSERT INTO probe VALUES(zeroblob({}))", kProbeBytes));
      connection_.execute("DELETE FROM probe");
      fault_.clear();
    } catch (const base::Error& error) {
      request->failure = std::make_exception_ptr(error);
    }
  }
}

void Writer::sweep_if_due() {
  const auto now = clock_.now();
  if (now < next_sweep_) return;
  next_sweep_ = now + options_.sweep_interval;  // first, so that a failing sweep does not fail every group
  const auto now_s = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  const auto deleted = table_.sweep(now_s, options_.sweep_items);
  swept_.add(static_cast<double>(deleted));
  if (deleted >= options_.sweep_items) next_sweep_ = now;  // there may be more: go on with the next group
}

void Writer::fail(Group& group, const base::Error& error) {
  const auto reason = reason_of(error);
  if (fault_.reason() != reason) {
    log_.write(telemetry::Level::error, "store_write_failed", {{"error", error.message}});
  }
  fault_.set(reason);
  failed_.add(static_cast<double>(group.size()));
  // One copy each: the callers' threads use theirs at the same time.
  for (const auto& request : group) request->failure = std::make_exception_ptr(base::Error(error));
}

// One wake-up of an io_context serves all that wait there.
void Writer::deliver(Group& group) {
  for (auto& request : group) {
    auto batch = std::ranges::find(batches_, request->executor, &Batch::executor);
    if (batch == batches_.end()) batch = batches_.insert(batch, Batch{request->executor, {}});
    batch->requests.push_back(std::move(request));
  }
  group.clear();
  for (auto& batch : batches_) {
    asio::post(batch.executor, [requests = std::move(batch.requests)]() mutable {
      for (auto& request : requests) std::exchange(request->done, nullptr)(request->failure, request->outcome);
    });
  }
  batches_.clear();  // an executor kept here would keep its io_context running
}

}  // namespace store::sqlite
