from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('kernel', '0009_personal_data'),
    ]

    operations = [
        migrations.AddField(
            model_name='customfield',
            name='searchable',
            field=models.BooleanField(default=False, help_text='Records are found by its words, in lists and in the search. Not for a protected field.', verbose_name='Can be searched for'),
        ),
    ]
