"""Standing bodies."""

import pytest

from saleswright.kernel.errors import ValidationFailed
from saleswright.kernel.models import User
from saleswright.kernel.records import save_record
from saleswright.modules.org.models import Body, BodyMember
from saleswright.modules.org.public import members_of


@pytest.mark.django_db
def test_its_members_stand_in_its_order_without_those_who_left(root, person):
    first, second, gone = person(), person(), person()
    lines = {"members": [{"member": second.pk}, {"member": gone.pk}, {"member": first.pk}]}
    body = save_record(Body, {"name": "Process office", "chair": first.pk}, lines=lines, actor=root)
    User.objects.filter(pk=gone.pk).update(state="left")
    assert members_of(body.pk) == [second, first]


@pytest.mark.django_db
def test_nobody_is_a_member_twice(root, person):
    one = person()
    with pytest.raises(ValidationFailed) as failure:
        save_record(Body, {"name": "Twice"}, lines={"members": [{"member": one.pk}] * 2}, actor=root)
    assert [error.field for error in failure.value.errors] == ["members.1.member"]
    assert not BodyMember.objects.exists()
