from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('work', '0004_notices'),
    ]

    operations = [
        migrations.AddField(
            model_name='noticedelivery',
            name='problem_arguments',
            field=models.JSONField(blank=True, default=dict, editable=False),
        ),
        migrations.AddField(
            model_name='noticedelivery',
            name='problem_source',
            field=models.CharField(blank=True, default='', editable=False, max_length=500),
        ),
    ]
