#pragma once

#include <string>

#include "base/disk.h"
#include "director/audit_format.h"

namespace shoal::director {

/// Who changed what, in files that are only appended to and hold each other by hashes: what is
/// changed, taken out or put in later is found. Bounded: the oldest file goes when a new one
/// begins, and the chain goes on over it. One process writes.
class AuditLog {
  public:
    /// Bytes of one file, and how many there are.
    static constexpr std::size_t longest_file = std::size_t{1} << 20;
    static constexpr int most_files = 8;

    /// `disk` must outlive it. The files lie in `directory`.
    AuditLog(Disk& disk, std::string directory);

    /// Appends a record, whose number is given here, and waits until it is on disk. Nothing is
    /// refused because this fails: it is logged.
    void add(AuditRecord record);
    /// All that is kept, oldest first.
    AuditReading read() const;

  private:
    std::string path(int age) const;
    /// Finds the end of the chain, once.
    void open();
    Result<void> append(const std::string& line);
    Result<void> begin_new_file();

    Disk& disk_;
    std::string directory_;
    bool open_ = false;
    std::uint64_t number_ = 0;
    std::string hash_;
    /// Of the file that is appended to.
    std::size_t size_ = 0;
    /// Its last line was cut off by something.
    bool torn_ = false;
};

}  // namespace shoal::director
