from datetime import timedelta

import django.core.validators
import django.db.models.deletion
import saleswright.kernel.fields
from django.conf import settings
from django.db import migrations, models


def limits_in_working_days(apps, editor):
    """Time limits are in working days from now on: work out until when open opportunities may stay where they are."""
    working = dict(apps.get_model("kernel", "WorkingDay").objects.values_list("weekday", "hours"))
    week = {day: bool(hours) for day, hours in working.items()} or dict.fromkeys(range(1, 6), True)
    special = {
        day: like is not None and week.get(like, False)
        for day, like in apps.get_model("kernel", "SpecialDay")
        .objects.filter(archived_at=None)
        .values_list("day", "works_like")
    }

    def due(day, count):
        for _one in range(count if any(week.values()) else 0):
            day += timedelta(days=1)
            while not special.get(day, week.get(day.isoweekday(), False)):
                day += timedelta(days=1)
        return day

    deals = apps.get_model("pipeline", "Opportunity").objects.filter(
        status="open", stage__time_limit_days__isnull=False
    )
    groups = deals.order_by().values_list("stage_id", "stage_since", "stage__time_limit_days").distinct()
    for stage, since, limit in list(groups):
        deals.filter(stage_id=stage, stage_since=since).update(stage_due_on=due(since, limit))


def modes(apps, editor):
    """What was set by hand stays so."""
    apps.get_model("pipeline", "Opportunity").objects.filter(probability_manual=True).update(probability_mode="manual")


def needs_as_lines(apps, editor):
    """Each text of the needs becomes a line."""
    need = apps.get_model("pipeline", "OpportunityNeed")
    rows = apps.get_model("pipeline", "Opportunity").objects.exclude(needs=[]).values_list("pk", "needs")
    need.objects.bulk_create(
        (
            need(opportunity_id=pk, position=place, need=str(text)[:300])
            for pk, texts in list(rows)
            if isinstance(texts, list)
            for place, text in enumerate(texts)
        ),
        batch_size=1000,
    )


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0001_initial'),
        ('customers', '0003_duplicates'),
        ('kernel', '0009_personal_data'),
        ('leads', '0003_pools'),
        ('market', '0001_initial'),
        ('org', '0002_bodies'),
        ('pipeline', '0002_follow_ups'),
    ]

    operations = [
        migrations.AddField(
            model_name='opportunity',
            name='probability_mode',
            field=models.CharField(blank=True, choices=[('stage', 'Stage'), ('manual', 'Set by hand'), ('learned', 'Learned')], default='stage', help_text="Learned: what the past says of deals like this, where that is known; else the stage's.", max_length=7, verbose_name='Probability by'),
        ),
        migrations.AddField(
            model_name='opportunity',
            name='stage_due_on',
            field=models.DateField(blank=True, editable=False, null=True, verbose_name='Stage to be left by'),
        ),
        migrations.AddField(
            model_name='stage',
            name='limit_mode',
            field=models.CharField(choices=[('warn', 'Warn'), ('block', 'Let no more in')], default='warn', max_length=5, verbose_name='When the column is full'),
        ),
        migrations.AddField(
            model_name='stage',
            name='most_deals',
            field=models.PositiveSmallIntegerField(blank=True, help_text='As many open deals may stand in the stage at once.', null=True, verbose_name='Limit of the column'),
        ),
        migrations.AddField(
            model_name='stage',
            name='post',
            field=models.ForeignKey(blank=True, help_text='Its holders are told when a deal comes into the stage.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='org.post', verbose_name='Responsible post'),
        ),
        migrations.AddField(
            model_name='stage',
            name='scripts',
            field=models.TextField(blank=True, verbose_name='What to say and ask'),
        ),
        migrations.AlterField(
            model_name='stage',
            name='time_limit_days',
            field=models.PositiveSmallIntegerField(blank=True, help_text='Working days after which a deal counts as stuck.', null=True, validators=[django.core.validators.MaxValueValidator(1000)], verbose_name='Time limit'),
        ),
        migrations.AddIndex(
            model_name='opportunity',
            index=models.Index(fields=['stage_due_on', 'id'], name='opportunity_stage_due_on'),
        ),
        migrations.CreateModel(
            name='CloseChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('from_day', models.DateField()),
                ('to_day', models.DateField()),
                ('at', models.DateTimeField()),
                ('actor', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Person')),
                ('opportunity', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='close_changes', to='pipeline.opportunity')),
            ],
            options={
                'indexes': [models.Index(fields=['opportunity', 'id'], name='closechange_opportunity')],
            },
        ),
        migrations.CreateModel(
            name='OpportunityCompetitor',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveIntegerField(default=0, editable=False)),
                ('standing', models.CharField(blank=True, choices=[('ahead', 'Ahead of us'), ('level', 'Level with us'), ('behind', 'Behind us'), ('out', 'Out of the race')], max_length=7, verbose_name='Standing')),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='Note')),
                ('competitor', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='market.competitor', verbose_name='Competitor')),
                ('opportunity', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='competitor_lines', to='pipeline.opportunity')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='OpportunityContact',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveIntegerField(default=0, editable=False)),
                ('role', models.CharField(blank=True, choices=[('decides', 'Decides'), ('influences', 'Influences'), ('uses', 'Uses'), ('gatekeeper', 'Gatekeeper')], max_length=10, verbose_name='Role')),
                ('attitude', models.CharField(blank=True, choices=[('champion', 'Speaks for us'), ('friendly', 'Friendly'), ('neutral', 'Neutral'), ('critical', 'Critical'), ('opponent', 'Against us')], max_length=10, verbose_name='Attitude')),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='Note')),
                ('contact', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.contact', verbose_name='Contact')),
                ('opportunity', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='contact_lines', to='pipeline.opportunity')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='OpportunityMember',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveIntegerField(default=0, editable=False)),
                ('role', models.CharField(blank=True, max_length=60, verbose_name='Role')),
                ('share', models.PositiveSmallIntegerField(blank=True, null=True, validators=[django.core.validators.MaxValueValidator(100)], verbose_name='Share')),
                ('member', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Member')),
                ('opportunity', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='member_lines', to='pipeline.opportunity')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='OpportunityNeed',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveIntegerField(default=0, editable=False)),
                ('need', models.CharField(max_length=300, verbose_name='Need')),
                ('importance', models.CharField(blank=True, choices=[('high', 'High'), ('medium', 'Medium'), ('low', 'Low')], default='medium', max_length=6, verbose_name='Importance')),
                ('answer', models.CharField(blank=True, max_length=500, verbose_name='Our answer')),
                ('gap', models.CharField(blank=True, max_length=300, verbose_name='Gap')),
                ('opportunity', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='need_lines', to='pipeline.opportunity')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='PipelineNight',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('night', models.DateField()),
                ('base_amount', saleswright.kernel.fields.MoneyField(verbose_name='Amount in base currency')),
                ('probability', models.PositiveSmallIntegerField(verbose_name='Probability')),
                ('expected_close', models.DateField(null=True, verbose_name='Expected close')),
                ('department', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='kernel.department')),
                ('opportunity', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='nights', to='pipeline.opportunity')),
                ('owner', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Owner')),
                ('pipeline', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='pipeline.pipeline')),
                ('stage', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='pipeline.stage')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('night', 'opportunity'), name='pipeline_night_once')],
            },
        ),
        migrations.CreateModel(
            name='StageCriterion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(editable=False, verbose_name='Created')),
                ('updated_at', models.DateTimeField(editable=False, verbose_name='Changed')),
                ('version', models.PositiveIntegerField(default=1, editable=False, verbose_name='Version')),
                ('archived_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='Archived')),
                ('custom', models.JSONField(blank=True, default=dict, editable=False, verbose_name='Custom fields')),
                ('sequence', models.PositiveSmallIntegerField(default=0, verbose_name='Sequence')),
                ('kind', models.CharField(choices=[('activity', 'Activity done'), ('document', 'Document attached'), ('condition', 'Condition')], max_length=9, verbose_name='Kind')),
                ('title', models.CharField(blank=True, help_text='Left empty, it is said by what is asked for.', max_length=200, verbose_name='What people read')),
                ('activity_kind', models.CharField(blank=True, choices=[('visit', 'Visit'), ('call', 'Call'), ('meeting', 'Meeting'), ('message', 'Message'), ('demo', 'Demonstration'), ('sample', 'Sample')], max_length=8, verbose_name='Kind of activity')),
                ('count', models.PositiveSmallIntegerField(default=1, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(99)], verbose_name='How many')),
                ('document_name', models.CharField(blank=True, max_length=100, verbose_name='Text in the file name')),
                ('document_group', models.CharField(blank=True, choices=[('image', 'Images'), ('pdf', 'PDF and OFD'), ('office', 'Office documents'), ('macro', 'Office documents with macros'), ('text', 'Text'), ('media', 'Sound and video'), ('drawing', 'Drawings (DWG)'), ('archive', 'Archives (ZIP)')], max_length=10, verbose_name='Kind of file')),
                ('condition', saleswright.kernel.fields.ConditionField(blank=True, default=dict, terms='opportunities', verbose_name='Condition')),
                ('created_by', models.ForeignKey(blank=True, db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Created by')),
                ('stage', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='criteria', to='pipeline.stage', verbose_name='Stage')),
                ('updated_by', models.ForeignKey(blank=True, db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Changed by')),
            ],
            options={
                'verbose_name': 'Exit criterion',
                'verbose_name_plural': 'Exit criteria',
                'indexes': [models.Index(fields=['stage', 'sequence', 'id'], name='stage_criterion_order')],
            },
        ),
        migrations.RunPython(limits_in_working_days, migrations.RunPython.noop, elidable=True),
        migrations.RunPython(modes, migrations.RunPython.noop, elidable=True),
        migrations.RunPython(needs_as_lines, migrations.RunPython.noop, elidable=True),
    ]
