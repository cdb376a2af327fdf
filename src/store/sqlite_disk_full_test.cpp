// A disk without room, as the kernel reports it: SQLite's own calls to pwrite() fail with ENOSPC.
#include <sqlite3.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "store/contract_test.hpp"
#include "store/sqlite_connection.hpp"
#include "store/sqlite_test.hpp"

namespace store {
namespace {

std::atomic<bool> disk_full = false;

ssize_t limited_pwrite(int file, const void* from, std::size_t amount, off_t offset) {
  if (disk_full) {
    errno = ENOSPC;
    return -1;
  }
  return ::pwrite(file, from, amount, offset);
}

class SqliteDiskFull : public ::testing::Test {
 protected:
  static void replace_pwrite(sqlite3_syscall_ptr by) {
    auto* vfs = sqlite3_vfs_find(nullptr);
    const int replaced = static_cast<int>(vfs->xSetSystemCall(vfs, "pwrite64", by) == SQLITE_OK) +
                         static_cast<int>(vfs->xSetSystemCall(vfs, "pwrite", by) == SQLITE_OK);
    ASSERT_GT(replaced, 0);
  }
  void SetUp() override {
    replace_pwrite(reinterpret_cast<sqlite3_syscall_ptr>(limited_pwrite));
    store_ = surroundings_.open(clock_, surroundings_.options());
  }
  void TearDown() override {
    disk_full = false;
    store_.reset();
    replace_pwrite(nullptr);
  }

  // One item over several pages, and a second one.
  Outcome put_two(const std::string& sort, std::size_t bytes) {
    auto big = small_item("big", sort);
    big.body.assign(bytes, 'x');
    return wait_for(store_->transact({Put{.item = big, .when = Condition::absent()},
                                      Put{.item = small_item("small", sort), .when = Condition::absent()}}));
  }
  void expect_in_step(std::int64_t items) {
    EXPECT_EQ(wait_for(store_->count({.partition = "big"})), items);
    EXPECT_EQ(wait_for(store_->count({.partition = "small"})), items);
  }

  SqliteSurroundings surroundings_;
  base::FakeClock clock_;
  std::unique_ptr<Store> store_;
};

TEST_F(SqliteDiskFull, KeepsWhatWasThereAndGoesOnWhenThereIsRoom) {
  ASSERT_TRUE(put_two("1", 10'000).committed());
  disk_full = true;
  for (const std::size_t bytes : {100UL, 10'000UL, 390'000UL}) {
    try {
      put_two("2", bytes);
      ADD_FAILURE() << "reported as committed with no room for it";
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code, base::Code::dependency_unavailable);
      EXPECT_EQ(sqlite::reason_of(error), "disk full");
    }
  }
  expect_in_step(1);
  EXPECT_EQ(wait_for(store_->health()).reason, "disk full");
  disk_full = false;
  EXPECT_TRUE(wait_for(store_->health()).healthy);
  EXPECT_TRUE(put_two("2", 390'000).committed());
  EXPECT_TRUE(put_two("3", 100).committed());
  expect_in_step(3);

  store_.reset();
  store_ = surroundings_.open(clock_, surroundings_.options());
  expect_in_step(3);
  sqlite::Connection connection(surroundings_.options().path);
  EXPECT_EQ(connection.number("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
}

}  // namespace
}  // namespace store
