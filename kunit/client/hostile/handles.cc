// SPDX-License-Identifier: GPL-2.0-only
#include "handles.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

namespace client::hostile {

namespace {

struct Message {
	explicit Message(char &kind) : part{ &kind, 1 }
	{
		header.msg_iov = &part;
		header.msg_iovlen = 1;
		header.msg_control = control;
		header.msg_controllen = sizeof control;
	}

	iovec part;
	msghdr header{};
	alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))]{};
};

} // namespace

void Handles::put(std::atomic<int> &place, int file)
{
	const int old = place.exchange(file);
	if (old >= 0)
		::close(old);
}

void Handles::close_all()
{
	for (auto &container : containers)
		close(container);
	for (auto &group : groups)
		close(group);
	close(mail);
}

int Handles::mailbox(int (&ends)[2])
{
	return ::socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
}

long Handles::send(int socket, int file, bool container)
{
	char kind = container ? 'c' : 'g';
	Message message{ kind };
	cmsghdr *head = CMSG_FIRSTHDR(&message.header);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof file);
	std::memcpy(CMSG_DATA(head), &file, sizeof file);
	return ::sendmsg(socket, &message.header, MSG_DONTWAIT);
}

void Handles::receive(Random &random, Diary &diary)
{
	char kind = 0;
	Message message{ kind };
	Entry entry{ diary, "receive", { static_cast<u64>(mail) } };
	if (entry.ends(::recvmsg(mail, &message.header, MSG_DONTWAIT)).value() <= 0)
		return;
	const cmsghdr *head = CMSG_FIRSTHDR(&message.header);
	if (!head || head->cmsg_type != SCM_RIGHTS)
		return;
	int file = -1;
	std::memcpy(&file, CMSG_DATA(head), sizeof file);
	if (kind == 'c')
		put(containers[random.below(CONTAINERS)], file);
	else
		put(groups[random.below(GROUPS)], file);
}

} // namespace client::hostile
