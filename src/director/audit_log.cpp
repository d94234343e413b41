#include "director/audit_log.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"

namespace shoal::director {

namespace {

constexpr mode_t private_mode = 0600;
/// A file that could not be put aside grows on; more than this nobody reads.
constexpr std::size_t most_read = 16 * AuditLog::longest_file;
/// Of any text of a record, so that one of them cannot fill the file.
constexpr std::size_t longest_text = 2000;

std::string bounded(std::string text) {
    if (text.size() > longest_text) text = text.substr(0, longest_text) + "...";
    return text;
}

}  // namespace

AuditLog::AuditLog(Disk& disk, std::string directory)
    : disk_(disk), directory_(std::move(directory)) {}

std::string AuditLog::path(int age) const {
    return age == 0 ? directory_ + "/audit.log" : fmt::format("{}/audit.log.{}", directory_, age);
}

void AuditLog::open() {
    if (open_) return;
    open_ = true;
    AuditReading reading;
    // The file may be new and empty.
    for (int age = 0; age < most_files && reading.records.empty(); ++age) {
        const auto file = disk_.read(path(age), most_read);
        if (!file) continue;
        if (age == 0) {
            size_ = file->size();
            torn_ = !file->empty() && !file->ends_with('\n');
        }
        read_audit(*file, path(age), reading);
    }
    if (reading.records.empty()) return;
    number_ = reading.records.back().number;
    hash_ = reading.hash;
}

void AuditLog::add(AuditRecord record) {
    open();
    record.number = number_ + 1;
    record.user = bounded(std::move(record.user));
    record.from = bounded(std::move(record.from));
    record.what = bounded(std::move(record.what));
    record.result = bounded(std::move(record.result));
    auto line = audit_line(record, hash_);
    if (const auto done = append(line.text); !done) {
        log(Message::audit_failed, "{}: {} by {}: {}", done.error().message, record.what,
            record.user, record.result);
        return;
    }
    number_ = record.number;
    hash_ = std::move(line.hash);
}

Result<void> AuditLog::append(const std::string& line) {
    if (auto made = disk_.make_directories(directory_); !made) return made;
    if (size_ > 0 && size_ + line.size() > longest_file) {
        if (auto begun = begin_new_file(); !begun)
            log(Message::audit_failed, "{}; the file grows on", begun.error().message);
    }
    const bool is_new = size_ == 0;
    const auto text = (torn_ ? "\n" : "") + line;
    if (auto done = disk_.append(path(0), text, private_mode); !done) {
        // Some of it may be there.
        torn_ = true;
        return done;
    }
    torn_ = false;
    size_ += text.size();
    return is_new ? disk_.sync_directory(directory_) : Result<void>();
}

Result<void> AuditLog::begin_new_file() {
    const auto names = disk_.list(directory_);
    if (!names) return fail(names.error());
    const auto is_there = [&](int age) {
        return std::ranges::find(*names, path(age).substr(directory_.size() + 1)) != names->end();
    };
    // The oldest one is replaced.
    for (int age = most_files - 2; age >= 0; --age) {
        if (!is_there(age)) continue;
        if (auto done = disk_.rename(path(age), path(age + 1)); !done) return done;
    }
    size_ = 0;
    torn_ = false;
    return disk_.sync_directory(directory_);
}

AuditReading AuditLog::read() const {
    AuditReading reading;
    for (int age = most_files - 1; age >= 0; --age) {
        if (const auto file = disk_.read(path(age), most_read))
            read_audit(*file, path(age), reading);
    }
    return reading;
}

}  // namespace shoal::director
