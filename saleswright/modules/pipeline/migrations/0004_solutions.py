import django.db.models.deletion
import saleswright.kernel.fields
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0001_initial'),
        ('org', '0002_bodies'),
        ('pipeline', '0003_process'),
    ]

    operations = [
        migrations.AddField(
            model_name='pipeline',
            name='review_post',
            field=models.ForeignKey(blank=True, help_text='One of its holders agrees to each solution. Left empty: the manager of who wrote it.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='org.post', verbose_name='Reviews solutions'),
        ),
        migrations.CreateModel(
            name='Solution',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(editable=False, verbose_name='Created')),
                ('updated_at', models.DateTimeField(editable=False, verbose_name='Changed')),
                ('version', models.PositiveIntegerField(default=1, editable=False, verbose_name='Version')),
                ('archived_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='Archived')),
                ('custom', models.JSONField(blank=True, default=dict, editable=False, verbose_name='Custom fields')),
                ('title', models.CharField(blank=True, help_text='Left empty: that of the deal.', max_length=200, verbose_name='Title')),
                ('revision', models.PositiveIntegerField(default=1, editable=False, verbose_name='Revision')),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('in_review', 'In review'), ('approved', 'In force'), ('replaced', 'Replaced')], default='draft', editable=False, max_length=10, verbose_name='Status')),
                ('summary', models.TextField(blank=True, verbose_name='Summary')),
                ('created_by', models.ForeignKey(blank=True, db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Created by')),
                ('opportunity', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='solutions', to='pipeline.opportunity', verbose_name='Opportunity')),
                ('updated_by', models.ForeignKey(blank=True, db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Changed by')),
            ],
            options={
                'verbose_name': 'Solution',
                'verbose_name_plural': 'Solutions',
                'indexes': [models.Index(fields=['status', 'id'], name='solution_status'), models.Index(fields=['created_at', 'id'], name='solution_created_at')],
                'constraints': [models.UniqueConstraint(fields=('opportunity', 'revision'), name='solution_revision_once'), models.UniqueConstraint(condition=models.Q(('status', 'approved')), fields=('opportunity',), name='solution_one_in_force')],
            },
        ),
        migrations.CreateModel(
            name='SolutionLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveIntegerField(default=0, editable=False)),
                ('need', models.CharField(max_length=300, verbose_name='Need')),
                ('answer', models.CharField(blank=True, max_length=500, verbose_name='Our answer')),
                ('gap', models.CharField(blank=True, max_length=300, verbose_name='Gap')),
                ('quantity', saleswright.kernel.fields.QuantityField(default=1, minimum=0, verbose_name='Quantity')),
                ('unit_price', saleswright.kernel.fields.PriceField(blank=True, minimum=0, null=True, verbose_name='Unit price')),
                ('product', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='catalog.product', verbose_name='Product')),
                ('solution', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='pipeline.solution')),
            ],
        ),
    ]
