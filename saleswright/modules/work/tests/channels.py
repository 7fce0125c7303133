"""A channel that keeps what it is told to send, and the people it reaches."""

import pytest

from saleswright.modules.work import channels
from saleswright.modules.work.channels import Channel, Undelivered, whole_id


class Post:
    """`sent`: (address, id of the whole, messages); `problems`: what the next sendings raise."""

    def __init__(self):
        self.sent, self.problems, self.on, self.asked = [], [], True, 0

    def address_of(self, ids):
        from saleswright.kernel.models import User

        self.asked += 1
        return dict(User.objects.filter(pk__in=ids).exclude(email="").values_list("pk", "email"))

    def send(self, address, messages):
        if self.problems:
            raise self.problems.pop(0)
        self.sent.append((address, whole_id(messages), list(messages)))

    def texts(self):
        return [[one.text for one in messages] for _address, _id, messages in self.sent]


@pytest.fixture
def post(monkeypatch):
    """The one personal channel there is, by the name of e-mail."""
    made = Post()
    others = {name: one for name, one in channels._channels.items() if not one.personal}
    monkeypatch.setattr(channels, "_channels", others)
    channels.add_channel(Channel("email", "E-mail", True, lambda: made.on, made.address_of, made.send))
    return made


def later(reason="busy"):
    return Undelivered(reason, temporary=True)


def never(reason="no such mailbox"):
    return Undelivered(reason, temporary=False)
